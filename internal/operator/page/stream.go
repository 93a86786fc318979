// SPDX-License-Identifier: Apache-2.0

package page

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// The bounds on streams: how many at once, how many rows in one message, how long a
// message may take to write, and the pause that gathers changes into one message.
const (
	maxStreams  = 16
	rowsAtOnce  = 500
	streamWrite = 30 * time.Second
	streamPause = 100 * time.Millisecond
	streamAlive = 15 * time.Second
)

// stream sends the rows, and each change of them as it happens, as server-sent events.
// A browser that lost the connection names the last message that it has.
func (p *Page) stream(w http.ResponseWriter, r *http.Request) {
	if p.streams.Add(1) > maxStreams {
		p.streams.Add(-1)
		fail(w, http.StatusServiceUnavailable, fmt.Errorf("%d pages are open: close one", maxStreams))
		return
	}
	defer p.streams.Add(-1)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	w.Header().Set("Content-Type", "text/event-stream")
	// The server's bound on reading a request would end the stream: it has been read.
	if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		fail(w, http.StatusInternalServerError, err)
		return
	}
	version, _ := strconv.Atoi(r.Header.Get("Last-Event-ID")) // 0 for a new page, or nonsense
	if _, last, _ := p.recorder.since(1 << 62); version > last {
		version = 0 // of another process
	}
	for {
		rows, last, changed := p.recorder.since(version)
		if err := writeRows(w, rows, version, last); err != nil {
			return // the browser has gone
		}
		version = last
		if !wait(ctx, changed, streamAlive) {
			return
		}
		if !wait(ctx, nil, streamPause) {
			return
		}
	}
}

// wait waits for a channel, a time or the end of ctx, which it reports as false.
func wait(ctx context.Context, changed <-chan struct{}, most time.Duration) bool {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-changed:
	case <-timer.C:
	}
	return true
}

// writeRows writes messages with rows, or a comment that keeps the connection open.
// Only the last has the new version: a browser that misses it gets all again.
func writeRows(w http.ResponseWriter, rows []Row, before, last int) error {
	control := http.NewResponseController(w)
	for begin := 0; begin == 0 || begin < len(rows); begin += rowsAtOnce {
		some := rows[begin:min(begin+rowsAtOnce, len(rows))]
		id := before
		if begin+len(some) == len(rows) {
			id = last
		}
		text := []byte(": nothing new\n\n")
		if len(some) > 0 || before == 0 {
			if some == nil {
				some = []Row{}
			}
			data, err := json.Marshal(some)
			if err != nil {
				return err
			}
			text = fmt.Appendf(nil, "id: %d\ndata: %s\n\n", id, data)
		}
		if err := control.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	return control.Flush()
}
