package study

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// openChat opens a chat on a server that lives as long as the test.
func openChat(t *testing.T, options ChatOptions, handler http.HandlerFunc) *Chat {
	t.Helper()
	server := httptest.NewServer(handler)
	options.URL, options.Model = server.URL, "m"
	c, err := OpenChat(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		server.Close()
	})
	return c
}

// say answers a chat with a text.
func say(w io.Writer, text string) {
	content, _ := json.Marshal(text)
	fmt.Fprintf(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":3}}`, content)
}

func TestChatAsks(t *testing.T) {
	c := openChat(t, ChatOptions{APIKey: "sk-123", MaxTokens: 50}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		want := `{"model":"m","messages":[{"role":"system","content":"be brief"},{"role":"user","content":"why \u003c?"}],"temperature":0,"max_tokens":50}`
		if string(body) != want || r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer sk-123" {
			t.Errorf("%s: %s, %v", r.URL.Path, body, r.Header)
		}
		say(w, " because\n\nof \"that\" ")
	})
	if text, err := c.Ask(t.Context(), "be brief", "why <?"); err != nil || text != `because of "that"` {
		t.Errorf("%q, %v", text, err)
	}
	if in, out := c.Tokens(); in != 7 || out != 3 {
		t.Errorf("%d tokens in, %d out", in, out)
	}
}

func TestChatAnswers(t *testing.T) {
	choice := func(s string) string { return `{"choices":[{` + s + `}]}` }
	for name, test := range map[string]struct{ answer, text, want string }{
		"thoughts":         {choice(`"message":{"content":"<think>\nhm </think>\n\nice"}`), "ice", ""},
		"an odd reason":    {choice(`"message":{"content":"ice"},"finish_reason":"eos"`), "ice", ""},
		"thoughts alone":   {choice(`"message":{"content":"<think>hm"}`), "", "thoughts alone"},
		"empty":            {choice(`"message":{"content":" \n"}`), "", "an empty answer"},
		"empty thoughts":   {choice(`"message":{"content":"<think>hm</think> "}`), "", "an empty answer"},
		"null":             {choice(`"message":{"content":null}`), "", "an answer without text"},
		"refusal":          {choice(`"message":{"content":null,"refusal":"I will not"}`), "", "an answer without text I will not"},
		"no message":       {choice(``), "", "an answer without text"},
		"parts":            {choice(`"message":{"content":[{"type":"text"}]}`), "", "does not fit the protocol: unexpected array"},
		"no choices":       {`{"choices":[]}`, "", "an answer without choices"},
		"error with 200":   {`{"error":{"message":"no"}}`, "", "an answer without choices"},
		"cut":              {choice(`"message":{"content":"ice and"},"finish_reason":"length"`), "", "answer cut off after 10 tokens"},
		"withheld":         {choice(`"message":{"content":""},"finish_reason":"content_filter"`), "", "withheld"},
		"too long":         {choice(`"message":{"content":"` + strings.Repeat("x", 161) + `"}`), "", "answer of 161 bytes, too long for 10 tokens"},
		"endless":          {choice(`"message":{"content":"` + strings.Repeat("x", 2<<20) + `"}`), "", "answer of more than 1048896 bytes for 10 tokens"},
		"broken":           {`{"choices":[{"message"`, "", "unexpected end of JSON"},
		"html":             {`<html>`, "", "does not fit the protocol"},
		"a value too many": {choice(`"message":{"content":"ice"}`) + "{}", "", "after top-level value"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			c := openChat(t, ChatOptions{MaxTokens: 10}, func(w http.ResponseWriter, _ *http.Request) {
				asked++
				io.WriteString(w, test.answer)
			})
			text, err := c.Ask(t.Context(), "", "")
			if text != test.text || (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) || asked != 1 {
				t.Errorf("%q, %v, want %q; asked %d times", text, err, test.want, asked)
			}
		})
	}
}

func TestChatHalfAnswer(t *testing.T) {
	c := openChat(t, ChatOptions{Retries: -1}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, `{"choices":[`)
	})
	if _, err := c.Ask(t.Context(), "", ""); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "answer broke off") {
		t.Error(err)
	}
}

// roundTrip is a transport without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A server that is busy is asked again when it says so, one that is slow after
// the timeout, and neither shows the key.
func TestChatRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		asked := 0
		transport := roundTrip(func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			switch asked++; asked {
			case 1:
				w.Header().Set("Retry-After", "20")
				w.WriteHeader(http.StatusTooManyRequests)
				io.WriteString(w, `{"error":{"message":"slow down, sk-123"}}`)
			case 2:
				<-r.Context().Done()
				return nil, r.Context().Err()
			default:
				say(w, "at last")
			}
			return w.Result(), nil
		})
		c, err := OpenChat(ChatOptions{URL: "http://me:hunter22@server/v1?token=abcdefg", Model: "m", APIKey: "sk-123",
			HTTPClient: &http.Client{Transport: transport}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		text, err := c.Ask(t.Context(), "", "")
		if took := time.Since(start); err != nil || text != "at last" || took < 5*time.Minute+20*time.Second || took > 5*time.Minute+25*time.Second {
			t.Errorf("%q, %v after %v", text, err, took)
		}
		shown := log.String() + c.String() + fmt.Sprintf("%v", c.options)
		if !strings.Contains(shown, `msg="chat server failed, trying again" wait=20s error="http://server/v1/chat/completions: status 429: slow down, [secret]"`) {
			t.Error(shown)
		}
		for _, secret := range []string{"sk-123", "hunter22", "abcdefg"} {
			if strings.Contains(shown, secret) {
				t.Errorf("%q is in %s", secret, shown)
			}
		}
	})
}

func TestOpenChatErrors(t *testing.T) {
	for want, options := range map[string]ChatOptions{
		"need the name":        {URL: "http://a"},
		"must begin with http": {URL: "localhost:80", Model: "m"},
		"api key contains":     {URL: "http://a", Model: "m", APIKey: "secret\n"},
		"not within 1 to":      {URL: "http://a", Model: "m", MaxTokens: -1},
		"concurrency -1":       {URL: "http://a", Model: "m", Concurrency: -1},
		"timeout":              {URL: "http://a", Model: "m", Timeout: -1},
	} {
		if _, err := OpenChat(options); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// FuzzChatAnswer reads arbitrary answers: an error or a text of one line.
func FuzzChatAnswer(f *testing.F) {
	var said bytes.Buffer
	say(&said, "<think>a</think> b\nc")
	f.Add(said.Bytes())
	f.Add([]byte(`{"choices":[{"message":{"content":null,"refusal":"x"}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		c := &Chat{options: ChatOptions{MaxTokens: 10}}
		if text, err := c.read(body); err == nil && (text == "" || strings.ContainsAny(text, "\r\n") || len(text) > 160) {
			t.Errorf("%q", text)
		}
	})
}
