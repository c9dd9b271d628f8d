package study

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/steersight/steersight/model"
)

// namer is a chat server that knows the topics of labelled: it names texts by
// the words of their topic, and says which texts have a word of a name.
func namer(t *testing.T, asked func(message string) (instead string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var request chatRequest
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil || request.Messages[0].Content != labelSystem {
			t.Errorf("asked %+v, %v", request, err)
		}
		message := request.Messages[1].Content
		if instead := asked(message); instead != "" {
			say(w, instead)
			return
		}
		texts := strings.Split(message, "</text>")
		task := texts[len(texts)-1]
		if _, name, ok := strings.Cut(task, "fit the name \""); ok {
			name, _, _ = strings.Cut(name, `"`)
			var fit []string
			for i, text := range texts[:len(texts)-1] {
				if !strings.Contains(text, fmt.Sprintf("number=\"%d\"", i+1)) {
					t.Errorf("text %d: %s", i+1, text)
				}
				if slices.ContainsFunc(strings.Fields(name), func(word string) bool { return strings.Contains(text, word) }) {
					fit = append(fit, fmt.Sprint(i+1))
				}
			}
			say(w, "Texts "+strings.Join(fit, ", ")+".")
			return
		}
		if !strings.HasPrefix(message, `<text strength="10">`) || strings.Contains(message, `strength="0"`) || len(texts) != 21 {
			t.Errorf("texts %s", message)
		}
		for _, words := range topics {
			if strings.Contains(texts[0], words[0]) || strings.Contains(texts[0], words[1]) || strings.Contains(texts[0], words[2]) {
				say(w, `"`+strings.Join(words, " ")+`."`)
				return
			}
		}
		t.Errorf("no topic in %s", texts[0])
	}
}

// A kept is what a test's LabelChat is told.
type kept struct {
	LabelChat
	features int
	cost     Cost
	labels   []model.Label
	done     int
}

func newKept(chat *Chat) *kept {
	k := &kept{LabelChat: LabelChat{Chat: chat, Author: "m", MaxTokens: 100, Concurrency: 2}}
	k.Begin = func(features int, cost Cost) error {
		k.features, k.cost = features, cost
		return nil
	}
	k.Keep = func(l model.Label) error {
		k.labels = append(k.labels, l)
		return nil
	}
	k.Progress = func(done int) { k.done = done }
	return k
}

func TestLabelByChat(t *testing.T) {
	ix := labelled(t, "", 160)
	defer ix.Close()
	settings := LabelSettings{MinDocuments: 20, MaxDocuments: 1000, Seed: 3}
	var mutex sync.Mutex
	messages := map[string]bool{}
	chat := openChat(t, ChatOptions{}, namer(t, func(message string) string {
		mutex.Lock()
		defer mutex.Unlock()
		messages[message] = true
		return ""
	}))
	k := newKept(chat)
	labels, report, err := Label(t.Context(), ix, settings, &k.LabelChat, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	if len(labels) != 8 || k.features != 4 || k.done != 4 || len(k.labels) != 4 || report.Labelled != 4 || report.Chat.Answered != 4 || report.Chat.Failed != 0 {
		t.Errorf("%v, %+v, %+v", labels, k, report.Chat)
	}
	for i, l := range labels[4:] {
		if want := strings.Join(topics[i], " "); l.Feature != uint32(i) || l.Label != want || l.Author != "m" || *l.ChatScore != 1 || *l.Score < .99 || l.Examples != 20 {
			t.Errorf("%+v, scores %v, %v", l, *l.Score, *l.ChatScore)
		}
		if kept := k.labels[i]; kept.Label != l.Label || *kept.Score != *l.Score || *kept.ChatScore != 1 {
			t.Errorf("kept %+v", kept)
		}
	}
	if report.Chat.Judged.Mean != 1 || report.Chat.Score.Mean < .99 || report.Chat.Shuffled.Mean > .6 {
		t.Errorf("%+v", report.Chat)
	}
	size := 0
	for message := range maps.Keys(messages) {
		size += len(labelSystem) + len(message)
	}
	if k.cost.Questions != 8 || len(messages) != 8 || k.cost.In < size/4-16 || k.cost.In > size/4+16 || k.cost.Out != 4*40 || k.cost.MaxOut != 800 {
		t.Errorf("%d messages of %d bytes, cost %+v", len(messages), size, k.cost)
	}
	var text strings.Builder
	if err := report.Print(&text); err != nil || !strings.Contains(text.String(), "by m          4 labels, of which 0 were there; 0 features failed\n") {
		t.Errorf("%v\n%s", err, &text)
	}

	// What was answered is not asked again.
	clear(messages)
	k2 := newKept(chat)
	k2.Known = append(k.labels[:3:3], model.Label{Feature: 3, Label: "by a person", Author: "me"}, model.Label{Feature: 3, Label: "not judged", Author: "m"})
	again, report, err := Label(t.Context(), ix, settings, &k2.LabelChat, func(int) {})
	if err != nil || k2.features != 1 || len(messages) != 2 || report.Chat.Kept != 3 || report.Chat.Answered != 1 {
		t.Errorf("%v, %d messages, %+v", err, len(messages), report.Chat)
	}
	for i := range labels {
		if a, b := labels[i], again[i]; a.Label != b.Label || a.Author != b.Author || *a.Score != *b.Score {
			t.Errorf("%+v, %+v", a, b)
		}
	}

	// Begin can end it.
	k.Begin = func(int, Cost) error { return io.EOF }
	if _, _, err := Label(t.Context(), ix, settings, &k.LabelChat, func(int) {}); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// Features whose answers are none have no label; the others have.
func TestLabelByChatFailures(t *testing.T) {
	ix := labelled(t, "", 160)
	defer ix.Close()
	chat := openChat(t, ChatOptions{}, namer(t, func(message string) string {
		switch {
		case strings.HasSuffix(message, labelTask) && strings.Contains(message, "glacier"):
			return "a very long name of a feature with nine words"
		case strings.Contains(message, `fit the name "tariff`):
			return "21"
		}
		return ""
	}))
	k := newKept(chat)
	labels, report, err := Label(t.Context(), ix, LabelSettings{MinDocuments: 20, MaxDocuments: 1000, Seed: 3}, &k.LabelChat, func(int) {})
	if err != nil || len(labels) != 6 || report.Chat.Answered != 2 || report.Chat.Failed != 2 || report.Chat.Reason != "feature 2: number 21 of 20 texts" {
		t.Errorf("%d labels, %v, %+v", len(labels), err, report.Chat)
	}
}

// A file that cannot be written ends the labelling.
func TestLabelByChatCannotKeep(t *testing.T) {
	ix := labelled(t, "", 160)
	defer ix.Close()
	k := newKept(openChat(t, ChatOptions{}, namer(t, func(string) string { return "" })))
	k.Keep = func(model.Label) error { return io.ErrShortWrite }
	if _, _, err := Label(t.Context(), ix, LabelSettings{MinDocuments: 20, MaxDocuments: 1000, Seed: 3}, &k.LabelChat, func(int) {}); !errors.Is(err, io.ErrShortWrite) {
		t.Error(err)
	}
}

func TestParseName(t *testing.T) {
	for text, want := range map[string]string{
		"heat in boundary layers":           "heat in boundary layers",
		"**“Heat transfer”.**":              "Heat transfer",
		"one two three four five six 7 8":   "one two three four five six 7 8",
		"":                                  "!an empty name",
		"\"\"":                              "!an empty name",
		"one two three four five six 7 8 9": "!a name of 9 words, more than 8: one two three four five six 7 8 9",
		strings.Repeat("x", 161):            "!a name of 1 words, more than 8: " + strings.Repeat("x", 60),
	} {
		name, err := parseName(text)
		if err != nil {
			name = "!" + err.Error()
		}
		if name != want {
			t.Errorf("%q: %q, want %q", text, name, want)
		}
	}
}

func TestParseNumbers(t *testing.T) {
	for text, want := range map[string]string{
		"1, 3,5":                  "[1 3 5]",
		"Texts 2 and 4.":          "[2 4]",
		"None.":                   "[]",
		"none":                    "[]",
		"0":                       "number 0 of 5 texts",
		"6":                       "number 6 of 5 texts",
		"99999999999999999999999": "number 99999999999999999999 of 5 texts",
		"all of them":             "neither numbers of texts nor none: all of them",
	} {
		picked, err := parseNumbers(text, 5)
		got := fmt.Sprint(slices.Sorted(maps.Keys(picked)))
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestBalanced(t *testing.T) {
	with := []bool{true, false, true, false}
	near(t, "all right", balanced(map[int]bool{1: true, 3: true}, with), 1)
	near(t, "none", balanced(nil, with), .5)
	near(t, "all", balanced(map[int]bool{1: true, 2: true, 3: true, 4: true}, with), .5)
	near(t, "all wrong", balanced(map[int]bool{2: true, 4: true}, with), 0)
	near(t, "nothing to judge", balanced(nil, nil), .5)
}
