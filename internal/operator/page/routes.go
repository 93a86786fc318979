// SPDX-License-Identifier: Apache-2.0

package page

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/route"
)

// Routes are the routes in force, and the file that they are in.
type Routes struct {
	Path string // of the file; empty where every event starts one DAG
	// Parse reads a text as the function would read the file.
	Parse func(text []byte) (config.File, error)
	// Current is what is in force: the file, or nil, and then the one DAG.
	Current func() (file *config.File, dag string)
}

// tests is the file of examples beside the routes file, as "dagtrigger init" names it.
func (r *Routes) tests() string {
	if r.Path == "" {
		return ""
	}
	return strings.TrimSuffix(r.Path, filepath.Ext(r.Path)) + "_test.yaml"
}

// flow is a route as it is drawn.
type flow struct {
	Route       string         `json:"route"`
	Sources     []string       `json:"sources"`
	Targets     []string       `json:"targets"`
	Environment string         `json:"environment,omitempty"`
	Shadow      bool           `json:"shadow,omitempty"`
	Disabled    bool           `json:"disabled,omitempty"`
	Line        int            `json:"line,omitempty"`
	Counts      map[string]int `json:"counts"`
}

// routes sends the routes in force with their counts, and the file's text.
func (p *Page) routes(w http.ResponseWriter, _ *http.Request) {
	file, dag := p.Routes.Current()
	counts := p.recorder.totals()
	body := map[string]any{"path": p.Routes.Path, "unmatched": counts[""]}
	if file == nil {
		body["flow"] = []flow{{Route: "default", Sources: []string{"every event"}, Targets: []string{dag}, Counts: counts["default"]}}
		answer(w, body)
		return
	}
	all := []flow{}
	for i := range file.Routes {
		all = append(all, flowOf(&file.Routes[i], counts[file.Routes[i].Name.Value]))
	}
	body["flow"], body["in_force"] = all, file.Digest
	text, err := os.ReadFile(p.Routes.Path)
	if err != nil {
		body["error"] = "the file cannot be read: " + err.Error()
		answer(w, body)
		return
	}
	body["digest"] = digest(text)
	shown, ok := mask(text)
	if ok {
		body["text"], body["problems"] = shown, p.problems(text)
	} else {
		body["error"] = "the file has a secret in a form that the page cannot hide: put it into a file, as password_file does, " +
			"or edit the routes elsewhere"
	}
	answer(w, body)
}

func flowOf(s *route.Spec, counts map[string]int) flow {
	f := flow{
		Route: s.Name.Value, Sources: sourcesOf(s), Environment: s.Environment.Value, Line: int(s.Line),
		Shadow: s.Shadow.On(), Disabled: s.Enabled.Off, Counts: counts,
	}
	f.Targets = append(f.Targets, s.Starts()...)
	if name := s.AssetName(); name != "" {
		f.Targets = append(f.Targets, name)
	}
	if len(f.Targets) == 0 {
		f.Targets = []string{cmp.Or(s.DAG.Value, "rejected")}
	}
	return f
}

// sourcesOf are the places that a route's events come from.
func sourcesOf(s *route.Spec) (all []string) {
	for _, bucket := range s.Bucket {
		all = append(all, "gs://"+bucket.Value)
	}
	for _, topic := range s.Topic {
		all = append(all, "topic "+topic.Value)
	}
	for _, subscription := range s.Subscription {
		all = append(all, "subscription "+subscription.Value)
	}
	for _, source := range s.Source {
		all = append(all, source.Value)
	}
	if len(all) == 0 {
		for _, on := range s.On {
			all = append(all, on.Value)
		}
	}
	if len(all) == 0 {
		all = []string{"every event"}
	}
	return all
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// problem is an error or a warning in place.
type problem struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	What    string `json:"what"`
	Fix     string `json:"fix"`
	Warning bool   `json:"warning,omitempty"`
}

// problems are those that "dagtrigger check" prints of a text, at most maxProblems.
func (p *Page) problems(text []byte) []problem {
	file, err := p.Routes.Parse(text)
	found, ok := errors.AsType[document.Problems](err)
	if err != nil && !ok {
		found = document.Problems{{What: "the file cannot be read", Fix: err.Error()}}
	}
	isWarning := err == nil
	if isWarning {
		found = file.Warnings()
	}
	all := []problem{}
	for _, f := range found[:min(len(found), maxProblems)] {
		all = append(all, problem{Line: int(f.Line), Column: int(f.Column), What: f.What, Fix: f.Fix, Warning: isWarning})
	}
	return all
}

const maxProblems = 100

// edit is the text of the editor.
type edit struct {
	Text string `json:"text"`
	// Digest is that of the file which the text was made from.
	Digest string `json:"digest,omitempty"`
}

// restore puts the secrets that the page hid back into the text.
func (p *Page) restore(w http.ResponseWriter, e edit) ([]byte, bool) {
	if p.Routes.Path == "" {
		fail(w, http.StatusConflict, errors.New(`there is no routes file: "dagtrigger init" writes the first`))
		return nil, false
	}
	now, err := os.ReadFile(p.Routes.Path)
	if err != nil {
		fail(w, http.StatusInternalServerError, err)
		return nil, false
	}
	if e.Digest != "" && e.Digest != digest(now) {
		fail(w, http.StatusConflict, errors.New("the file was changed by another program: load it again, and repeat the edit"))
		return nil, false
	}
	text, err := unmask(e.Text, now)
	if err != nil {
		fail(w, http.StatusUnprocessableEntity, err)
		return nil, false
	}
	return text, true
}

// check sends the errors of a text.
func (p *Page) check(w http.ResponseWriter, r *http.Request) {
	var e edit
	if !decode(w, r, &e) {
		return
	}
	if text, ok := p.restore(w, e); ok {
		answer(w, map[string]any{"problems": p.problems(text)})
	}
}

// save writes a valid text to the file. The function loads it by itself.
func (p *Page) save(w http.ResponseWriter, r *http.Request) {
	var e edit
	if !decode(w, r, &e) {
		return
	}
	if e.Digest == "" {
		fail(w, http.StatusBadRequest, errors.New("digest is missing: it is that of the file that was edited"))
		return
	}
	text, ok := p.restore(w, e)
	if !ok {
		return
	}
	if _, err := p.Routes.Parse(text); err != nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnprocessableEntity)
		answer(w, map[string]any{"error": "the file has errors, and was not saved: fix them first", "problems": p.problems(text)})
		return
	}
	if err := overwrite(p.Routes.Path, text); err != nil {
		fail(w, http.StatusInternalServerError, fmt.Errorf("the file was not saved: %w", err))
		return
	}
	answer(w, map[string]any{"digest": digest(text), "problems": p.problems(text)})
}

// overwrite writes a file, which keeps its mode and stays what links to it name.
func overwrite(path string, text []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, info.Mode())
}

// schema sends the JSON Schema of a routes file.
func (p *Page) schema(w http.ResponseWriter, _ *http.Request) {
	text, err := config.Schema()
	if err != nil {
		fail(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // the browser may have gone
}
