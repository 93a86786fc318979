// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"example.com/dagtrigger/internal/operator/delivery"
	"example.com/dagtrigger/internal/trigger"
)

// poster delivers requests to a function, as the platform does.
type poster struct {
	client  *http.Client
	url     string
	headers []delivery.Header // sent besides the platform's
}

// newPoster makes a poster that keeps concurrency connections open. A push waits at
// most timeout, and does not follow a redirect.
func newPoster(url string, concurrency int, timeout time.Duration, headers []delivery.Header) *poster {
	return &poster{
		url: url, headers: headers,
		client: &http.Client{
			Transport: &http.Transport{
				Proxy:               http.ProxyFromEnvironment,
				MaxIdleConns:        concurrency,
				MaxIdleConnsPerHost: concurrency,
				IdleConnTimeout:     time.Minute,
			},
			Timeout:       timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// answer is the result of a delivery.
type answer struct {
	Status       int               `json:"status"`
	Acknowledged bool              `json:"acknowledged"`
	Seconds      float64           `json:"seconds"`
	RetryAfter   string            `json:"retry_after,omitempty"`
	Outcomes     []trigger.Outcome `json:"outcomes,omitempty"`
	// Error is the function's error for an invalid request, or the beginning of a
	// response that is not the function's.
	Error string `json:"error,omitempty"`
	// Runs are those that --wait followed.
	Runs []*followed `json:"runs,omitempty"`
}

func (a *answer) took() time.Duration { return time.Duration(a.Seconds * float64(time.Second)) }

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 4 << 20

// post delivers r once. It returns an error where there was no response.
func (p *poster) post(ctx context.Context, r delivery.Request) (answer, error) {
	r.Header = append(r.Header[:len(r.Header):len(r.Header)], p.headers...)
	req, err := r.HTTP(ctx, p.url)
	if err != nil {
		return answer{}, fmt.Errorf("making the request: %w", err)
	}
	started := time.Now()
	resp, err := p.client.Do(req)
	if err != nil {
		return answer{}, unanswered(p.url, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer{}, unanswered(p.url, err)
	}
	a := answer{
		Status: resp.StatusCode, Acknowledged: acknowledges(resp.StatusCode),
		Seconds: time.Since(started).Seconds(), RetryAfter: resp.Header.Get("Retry-After"),
	}
	a.read(body)
	return a, nil
}

// read decodes the function's response, or else quotes its beginning.
func (a *answer) read(body []byte) {
	var response struct {
		Outcomes []trigger.Outcome `json:"outcomes"`
		Error    string            `json:"error"`
	}
	if json.Unmarshal(body, &response) == nil && (response.Outcomes != nil || response.Error != "") {
		a.Outcomes, a.Error = response.Outcomes, response.Error
		return
	}
	const quoted = 200
	text := strings.Join(strings.Fields(string(body)), " ")
	if len(text) > quoted {
		text = strings.ToValidUTF8(text[:quoted], "") + "…"
	}
	a.Error = strings.TrimSpace("the response is not from dagtrigger: " + text)
}

// acknowledges reports whether a status ends a push: https://cloud.google.com/pubsub/docs/push#receive_push
func acknowledges(status int) bool {
	switch status {
	case http.StatusProcessing, http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		return true
	default:
		return false
	}
}

func unanswered(url string, err error) error {
	hint := "check that " + url + " is the function's URL and reachable from here, or name another with --to"
	late, _ := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		hint = `nothing listens at ` + url + `: start the function with "dagtrigger serve", or name another URL with --to`
	case late != nil && late.Timeout():
		hint = "wait longer with --timeout, or see in the function's log what it waits for"
	}
	return &hintedError{fmt.Errorf("posting the event: %w", err), hint}
}
