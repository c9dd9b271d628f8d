package study

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/steersight/steersight/internal/fixtures"
)

// A writer is a chat server that writes views of documents that say who they
// are, and keeps what it was asked.
type writer struct {
	sync.Mutex
	asked map[string]int                    // by document
	wrong func(w io.Writer, id string) bool // answers in its own way
	busy  func(r *http.Request, id string)  // takes its time
}

var idInText = regexp.MustCompile(`<document>\nI am (\w+)\b`)

func (s *writer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request chatRequest
	json.NewDecoder(r.Body).Decode(&request)
	message := request.Messages[1].Content
	id := idInText.FindStringSubmatch(message)[1]
	s.Lock()
	if s.asked == nil {
		s.asked = map[string]int{}
	}
	s.asked[id]++
	busy, wrong := s.busy, s.wrong
	s.Unlock()
	if busy != nil {
		busy(r, id)
	}
	if wrong != nil && wrong(w, id) {
		return
	}
	switch {
	case strings.HasSuffix(message, qaTask):
		say(w, "Q: "+id+"? A: yes.")
	case strings.HasSuffix(message, summaryTask):
		say(w, "s")
	case strings.HasSuffix(message, purposeTask):
		say(w, "<p>")
	}
}

func passages(ids string) (all []Passage) {
	for id := range strings.FieldsSeq(ids) {
		all = append(all, NewPassage(id, "I am "+id, "and long", 2000))
	}
	return all
}

// planViews plans the views of documents.
func planViews(t *testing.T, path, ids string) *ViewsPlan {
	t.Helper()
	file, err := OpenViews(path)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := PlanViews(passages(ids), file, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func viewLines(ids string) (lines string) {
	for id := range strings.FieldsSeq(ids) {
		lines += viewLine(id)
	}
	return lines
}

// Lines stand in the order of the documents, however long each takes, and never
// are more documents asked about at once than said.
func TestViewsInOrder(t *testing.T) {
	const ids = "a b c d e f g h i j k l m n"
	now, most, mutex := map[string]bool{}, 0, sync.Mutex{}
	server := &writer{busy: func(_ *http.Request, id string) {
		mutex.Lock()
		now[id] = true
		most = max(most, len(now))
		mutex.Unlock()
		time.Sleep(time.Duration(int(id[0])*7%5) * time.Millisecond)
		mutex.Lock()
		delete(now, id)
		mutex.Unlock()
	}}
	path := filepath.Join(t.TempDir(), "new", "views.jsonl")
	var done []int
	r, err := planViews(t, path, ids).Write(t.Context(), openChat(t, ChatOptions{}, server.ServeHTTP), 3, func(n int) { done = append(done, n) })
	if err != nil || r.Answered != 14 || r.Failed != 0 || len(done) != 14 || !slices.IsSorted(done) {
		t.Errorf("%+v, %v, progress %v", r, err, done)
	}
	checkFile(t, path, viewLines(ids))
	if most > 3 {
		t.Errorf("%d documents at once", most)
	}
}

// What failed is asked about again by the next run, and nothing else; the lines
// stand in the order of the input then.
func TestViewsFailures(t *testing.T) {
	path := filepath.Join(t.TempDir(), "views.jsonl")
	server := &writer{wrong: func(w io.Writer, id string) bool {
		switch id {
		case "b":
			w.(http.ResponseWriter).WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"error":{"message":"too long for sk-123"}}`)
		case "d":
			say(w, "")
		}
		return id == "b" || id == "d"
	}}
	chat := openChat(t, ChatOptions{APIKey: "sk-123"}, server.ServeHTTP)
	r, err := planViews(t, path, "a b c d e").Write(t.Context(), chat, 2, func(int) {})
	if err != nil || r.Answered != 3 || r.Failed != 2 || !strings.HasPrefix(r.Reason, "d: http://127.0.0.1:") || !strings.HasSuffix(r.Reason, ": status 200: an empty answer") {
		t.Errorf("%+v, %v", r, err)
	}
	text, _ := os.ReadFile(path)
	lines := strings.SplitAfter(string(text), "\n")
	if len(lines) != 6 || !strings.HasPrefix(lines[1], `{"_id":"b","error":"http://127.0.0.1:`) || !strings.HasSuffix(lines[1], `too long for [secret]"}`+"\n") {
		t.Errorf("%s", text)
	}
	server.reset()
	plan := planViews(t, path, "a b c d e f")
	if plan.Todo() != 3 || plan.Cost.Questions != 9 || plan.Cost.MaxOut != 9*2048 || plan.Cost.Out != 3*1100 {
		t.Errorf("%d to do, %+v", plan.Todo(), plan.Cost)
	}
	if r, err := plan.Write(t.Context(), chat, 2, func(int) {}); err != nil || r.Answered != 3 || r.Failed != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	checkFile(t, path, viewLines("a b c d e f"))
	if fmt.Sprint(server.asked) != "map[b:3 d:3 f:3]" {
		t.Errorf("asked %v", server.asked)
	}
}

// A run that is interrupted keeps what was answered, though not what was before
// it, and the next fills the gap.
func TestViewsInterrupted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "views.jsonl")
	ctx, cancel := context.WithCancel(t.Context())
	server := &writer{}
	server.busy = func(r *http.Request, id string) {
		if id == "b" { // until c is done and d is under way
			for server.times("d") == 0 {
				time.Sleep(time.Millisecond)
			}
			cancel()
			<-r.Context().Done()
		}
		if id == "d" {
			<-r.Context().Done()
		}
	}
	chat := openChat(t, ChatOptions{}, server.ServeHTTP)
	r, err := planViews(t, path, "a b c d e f").Write(ctx, chat, 2, func(int) {})
	if !errors.Is(err, context.Canceled) || r.Answered != 2 || r.Failed != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	checkFile(t, path, viewLines("a c"))
	server.reset()
	if r, err := planViews(t, path, "a b c d e f").Write(t.Context(), chat, 2, func(int) {}); err != nil || r.Answered != 4 {
		t.Errorf("%+v, %v", r, err)
	}
	checkFile(t, path, viewLines("a b c d e f"))
	if server.asked["a"]+server.asked["c"] != 0 {
		t.Errorf("asked %v", server.asked)
	}
}

// reset makes it forget, and answer as it should.
func (s *writer) reset() {
	s.Lock()
	defer s.Unlock()
	s.asked, s.busy, s.wrong = nil, nil, nil
}

// times is how often a document was asked about.
func (s *writer) times(id string) int {
	s.Lock()
	defer s.Unlock()
	return s.asked[id]
}

// A server that refuses everything is not asked about all documents.
func TestViewsGiveUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "views.jsonl")
	var ids strings.Builder
	for i := range 200 {
		fmt.Fprintf(&ids, "d%d ", i)
	}
	server := &writer{wrong: func(w io.Writer, id string) bool {
		if id == "d0" {
			return false
		}
		w.(http.ResponseWriter).WriteHeader(http.StatusUnauthorized)
		return true
	}}
	chat := openChat(t, ChatOptions{}, server.ServeHTTP)
	if r, err := planViews(t, filepath.Join(t.TempDir(), "one.jsonl"), "d0 d1").Write(t.Context(), chat, math.MaxInt, func(int) {}); err != nil || r.Failed != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	r, err := planViews(t, path, ids.String()).Write(t.Context(), chat, 3, func(int) {})
	if err == nil || !strings.HasPrefix(err.Error(), "gave up: 20 in a row failed, the last d20: http://") || r.Answered != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if server.times("d27") > 0 { // 21 + 2·3
		t.Error("went on asking")
	}
}

func TestViewsNothingToAsk(t *testing.T) {
	path := writeViews(t, viewLines("b a"))
	file, err := OpenViews(path)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := PlanViews(append(passages("a b"), NewPassage("empty", " ", "\n", 10)), file, 2048)
	if err != nil || plan.Todo() != 1 || plan.Cost != (Cost{}) {
		t.Errorf("%+v, %v", plan, err)
	}
	r, err := plan.Write(t.Context(), openChat(t, ChatOptions{}, func(http.ResponseWriter, *http.Request) { t.Error("asked") }), 2, func(int) {})
	if err != nil || r.Failed != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	checkFile(t, path, viewLines("a b")+`{"_id":"empty","error":"the document has no text"}`+"\n")
}

func TestPlanViewsTwice(t *testing.T) {
	file, err := OpenViews(filepath.Join(t.TempDir(), "none"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := PlanViews(passages("a b a"), file, 1); err == nil || err.Error() != `two documents have the id "a"` {
		t.Error(err)
	}
}

func TestNewPassage(t *testing.T) {
	for _, test := range []struct {
		title, text string
		words       int
		want        string
	}{
		{"Ice", "floats on  water", 3, "Ice\n\nfloats on"},
		{"Ice", "floats on  water", 4, "Ice\n\nfloats on  water"},
		{"", " floats\ton ", 1, "floats"},
		{"", "", 5, ""},
		{"", "floats on water", math.MaxInt, "floats on water"},
		{"", strings.Repeat("氷", 20), 2, strings.Repeat("氷", 14)},
		{"", strings.Repeat("x", 41), 2, strings.Repeat("x", 40)},
	} {
		if p := NewPassage("id", test.title, test.text, test.words); p.ID != "id" || p.Text != test.want {
			t.Errorf("%q, want %q", p.Text, test.want)
		}
	}
}

// The prompts are those that the docs show.
func TestPromptsInDocs(t *testing.T) {
	quoted := regexp.MustCompile(`(?m)^ *(- )?> `)
	for name, prompts := range map[string][]string{
		"views.md":  {viewSystem, qaTask, summaryTask, purposeTask},
		"labels.md": {labelSystem, labelTask, strings.Replace(judgeTask, "%q", `"…"`, 1)},
	} {
		text, err := os.ReadFile(filepath.Join(fixtures.Root(), "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		shown := strings.Join(strings.Fields(strings.ReplaceAll(quoted.ReplaceAllString(string(text), ""), `\<`, "<")), " ")
		for _, prompt := range prompts {
			if !strings.Contains(shown, prompt) {
				t.Errorf("docs/%s has not %q", name, prompt)
			}
		}
	}
}
