// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// startTime bounds how long a program may take to answer its first event, under
// valgrind as well.
const startTime = 2 * time.Minute

// process is a program that serves the function, and a client of it.
type process struct {
	url    string
	cmd    *exec.Cmd
	client *http.Client
	sent   atomic.Int64
	run    int64 // distinguishes its events from those of other processes
}

var runs atomic.Int64

// start starts a program and sends it events until the first is acknowledged.
// wrapper is a command that runs the program, such as valgrind.
func start(ctx context.Context, p program, url string, wrapper ...string) (*process, time.Duration, error) {
	port, err := freePort()
	if err != nil {
		return nil, 0, err
	}
	command := append(wrapper, p.binary)
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "PORT=" + port, "FUNCTION_TARGET=TriggerDAG", "GOMAXPROCS=1",
		"AIRFLOW_URL=" + url, "AIRFLOW_API=v1", "AIRFLOW_AUTH=none",
	}, p.env...)
	messages, err := os.Create(p.binary + ".log")
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = messages.Close() }()
	cmd.Stderr = messages
	process := &process{
		url: "http://127.0.0.1:" + port, cmd: cmd, run: runs.Add(1),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}, Timeout: startTime},
	}
	began := time.Now()
	if len(wrapper) > 0 {
		// Callgrind fails an assertion where a signal of Go's scheduler meets it in a signal's handler.
		cmd.Env = append(cmd.Env, "GODEBUG=asyncpreemptoff=1")
	}
	if err := cmd.Start(); err != nil {
		return nil, 0, fmt.Errorf("starting %s: %w", p.name, err)
	}
	for time.Since(began) < startTime && ctx.Err() == nil {
		status, err := process.send(ctx)
		if err == nil && status == http.StatusOK {
			return process, time.Since(began), nil
		}
		if err == nil {
			return nil, 0, errors.Join(fmt.Errorf("%s answered its first event with %d", p.name, status), process.stop())
		}
		pause(ctx, 200*time.Microsecond)
	}
	_ = process.stop() // it may have ended by itself
	text, _ := os.ReadFile(p.binary + ".log")
	return nil, 0, fmt.Errorf("%s did not answer an event within %s. It wrote:\n%s", p.name, startTime, text)
}

// stop ends the process, after which its resources are known.
func (p *process) stop() error {
	p.client.CloseIdleConnections()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("ending the process: %w", err)
	}
	err := p.cmd.Wait()
	if _, ended := errors.AsType[*exec.ExitError](err); ended {
		return nil
	}
	return err
}

// cpu is the processor time that a stopped process has used.
func (p *process) cpu() time.Duration {
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// memory is the most that a stopped process has used, in bytes.
func (p *process) memory() int64 {
	usage, ok := p.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return usage.Maxrss * rssUnit
}

// send sends a new event, as Eventarc does for an upload.
func (p *process) send(ctx context.Context) (status int, err error) {
	n := p.sent.Add(1)
	body := fmt.Appendf(nil, `{"kind":"storage#object","id":"acme-landing/sales/eu/%d.csv/%d","bucket":"acme-landing",`+
		`"name":"sales/eu/%d.csv","generation":"%d","metageneration":"1","size":"1024","contentType":"text/csv",`+
		`"timeCreated":"2026-11-30T00:00:00Z","updated":"2026-11-30T00:00:00Z","storageClass":"STANDARD",`+
		`"md5Hash":"rL0Y20zC+Fzt72VPzMSk2A==","crc32c":"AAAAAA==","etag":"CAE="}`, n, p.run, n, p.run)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Ce-Specversion", "1.0")
	r.Header.Set("Ce-Id", fmt.Sprintf("%d-%d", p.run, n))
	r.Header.Set("Ce-Type", "google.cloud.storage.object.v1.finalized")
	r.Header.Set("Ce-Source", "//storage.googleapis.com/projects/_/buckets/acme-landing")
	r.Header.Set("Ce-Subject", fmt.Sprintf("objects/sales/eu/%d.csv", n))
	response, err := p.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// sendAll sends a number of events, so many at once, each of which has to be acknowledged.
func (p *process) sendAll(ctx context.Context, events, senders int) error {
	var next atomic.Int64
	failed := make(chan error, senders)
	var group sync.WaitGroup
	for range senders {
		group.Go(func() {
			for next.Add(1) <= int64(events) {
				if status, err := p.send(ctx); err != nil || status != http.StatusOK {
					failed <- fmt.Errorf("an event was answered %d: %w", status, err)
					return
				}
			}
		})
	}
	group.Wait()
	close(failed)
	return <-failed
}

// sendFor sends events for a time, so many at once, and returns how many were acknowledged.
func (p *process) sendFor(ctx context.Context, d time.Duration, senders int) (acknowledged int64) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var count atomic.Int64
	var group sync.WaitGroup
	for range senders {
		group.Go(func() {
			for ctx.Err() == nil {
				status, err := p.send(ctx)
				if err == nil && status == http.StatusOK {
					count.Add(1)
					continue
				}
				pause(ctx, 10*time.Millisecond)
			}
		})
	}
	group.Wait()
	return count.Load()
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// freePort returns a loopback port that nothing listened on a moment ago.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}
