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

// newPoster makes a poster that keeps concurrency connections open. A push waits
// no longer than timeout, and a redirect is no acknowledgement.
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

// answer is what a delivery came to.
type answer struct {
	Status       int               `json:"status"`
	Acknowledged bool              `json:"acknowledged"`
	Seconds      float64           `json:"seconds"`
	RetryAfter   string            `json:"retry_after,omitempty"`
	Outcomes     []trigger.Outcome `json:"outcomes,omitempty"`
	// Error is what the function says of a request that brought no event, or the
	// beginning of an answer that is not the function's.
	Error string `json:"error,omitempty"`
}

func (a *answer) took() time.Duration { return time.Duration(a.Seconds * float64(time.Second)) }

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 4 << 20

// post delivers r once. The error tells that there was no answer.
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

// read takes the body for the function's, or else quotes its beginning.
func (a *answer) read(body []byte) {
	var told struct {
		Outcomes []trigger.Outcome `json:"outcomes"`
		Error    string            `json:"error"`
	}
	if json.Unmarshal(body, &told) == nil && (told.Outcomes != nil || told.Error != "") {
		a.Outcomes, a.Error = told.Outcomes, told.Error
		return
	}
	const quoted = 200
	text := strings.Join(strings.Fields(string(body)), " ")
	if len(text) > quoted {
		text = strings.ToValidUTF8(text[:quoted], "") + "…"
	}
	a.Error = strings.TrimSpace("the answer is not dagtrigger's: " + text)
}

// acknowledges tells which statuses end a push: https://cloud.google.com/pubsub/docs/push#receive_push
func acknowledges(status int) bool {
	switch status {
	case http.StatusProcessing, http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		return true
	default:
		return false
	}
}

func unanswered(url string, err error) error {
	hint := "see that " + url + " is the function's address, and can be reached from here; --to names another"
	late, _ := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		hint = `nothing listens at ` + url + `: start the function with "dagtrigger serve", or name another by --to`
	case late != nil && late.Timeout():
		hint = "have it waited for longer by --timeout, or see what the function waits for in its log"
	}
	return &hintedError{fmt.Errorf("posting the event: %w", err), hint}
}
