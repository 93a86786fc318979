// SPDX-License-Identifier: Apache-2.0

// Package googlereal runs the real programs that stand for Google's services
// on this machine, for tests: Google's own Pub/Sub emulator, and
// fake-gcs-server for Cloud Storage, which can notify the first of what
// happens in its buckets.
//
//	p, err := googlereal.StartPubSub(ctx)
//	if err != nil {
//		return err
//	}
//	defer p.Close()
//	err = p.CreateTopic(ctx, "uploads")
//	err = p.Subscribe(ctx, googlereal.Subscription{Name: "to-me", Topic: "uploads", Push: "http://127.0.0.1:8080/"})
//	s, err := googlereal.StartStorage(ctx, googlereal.Notify{PubSub: p, Topic: "uploads"})
//
// Each program runs in its own process group, which ends when it is
// closed and also when this program does, however it goes. It listens on
// 127.0.0.1 alone, and keeps nothing but in a folder that it is given. A program that is
// installed on the way is kept in the user's cache folder, below dagtrigger.
//
// The package never pretends: where a part is missing, a [MissingError] says
// which, and what to install.
package googlereal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"time"
)

// Project is the project that everything is in.
const Project = "proj-1"

// MissingError says that this machine lacks a part.
type MissingError struct {
	Part string
	Why  string
	Fix  string
}

func (e *MissingError) Error() string { return e.Part + " is missing: " + e.Why + ": " + e.Fix }

// need is nil where a program is on the path.
func need(program, fix string) error {
	if err := supported(); err != nil {
		return err
	}
	if _, err := exec.LookPath(program); err != nil {
		return &MissingError{Part: program, Why: "it is not on the path", Fix: fix}
	}
	return nil
}

// service is a program that answers over HTTP.
type service struct {
	root    string // http://127.0.0.1:PORT
	process *process
	client  *http.Client
}

// requestBound bounds one request; such a program answers in milliseconds.
const requestBound = 30 * time.Second

func newService(root string, p *process) service {
	return service{root: root, process: p, client: &http.Client{
		Transport: &http.Transport{}, Timeout: requestBound,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close ends the program and all that it started.
func (s service) Close() error {
	s.client.CloseIdleConnections()
	return s.process.stop()
}

// Log is the end of what the program has printed.
func (s service) Log() string { return s.process.tail() }

// ask sends body as JSON and wants a 2xx.
func (s service) ask(ctx context.Context, method, path string, body any) error {
	content, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("writing the request: %w", err)
	}
	return s.send(ctx, method, path, "application/json", content)
}

// send sends content and wants a 2xx.
func (s service) send(ctx context.Context, method, path, contentType string, content []byte) error {
	req, err := http.NewRequestWithContext(ctx, method, s.root+path, bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("making the request: %w", err)
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil || resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s was answered %s: %s", method, path, resp.Status, answer)
	}
	return nil
}
