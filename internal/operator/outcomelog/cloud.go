// SPDX-License-Identifier: Apache-2.0

package outcomelog

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"example.com/dagtrigger/internal/operator/gcp"
	"example.com/dagtrigger/internal/rest"
)

// CloudLogging is the address of Cloud Logging.
const CloudLogging = "https://logging.googleapis.com"

// Bounds on what one query reads. An entry has at most 256 KB, a line of the function
// some 6 KB, and a page is as long as Cloud Logging makes it, at most 1,000 entries.
// https://cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list
const (
	maxPageSize = 1000
	maxPages    = 100
	maxPage     = 32 << 20 // bytes
)

// Cloud reads a project's log in Cloud Logging.
type Cloud struct {
	// Client calls the API: its root is [CloudLogging], or an emulator.
	Client  *rest.Client
	Project string // the project's id or number
}

// Query is what to read.
type Query struct {
	Filter Filter
	// Newest returns the newest lines first, otherwise the oldest.
	Newest bool
	// Max is the most lines to read, 1,000 where it is zero.
	Max int
}

// listRequest is the body of entries.list.
type listRequest struct {
	ResourceNames []string `json:"resourceNames"`
	Filter        string   `json:"filter"`
	OrderBy       string   `json:"orderBy"`
	PageSize      int      `json:"pageSize"`
	PageToken     string   `json:"pageToken,omitempty"`
}

type listResponse struct {
	Entries       []json.RawMessage `json:"entries"`
	NextPageToken string            `json:"nextPageToken"`
}

// Read calls yield for each line that the query selects, until yield returns false. It
// reports whether there is more than was read: because of Query.Max, or because Cloud
// Logging needed more than 100 pages. The error is an [*Error] or that of the context.
func (c *Cloud) Read(ctx context.Context, q Query, yield func(*Line) bool) (more bool, err error) {
	left := q.Max
	if left == 0 {
		left = maxPageSize
	}
	in := listRequest{ResourceNames: []string{"projects/" + c.Project}, Filter: q.Filter.String(), OrderBy: "timestamp asc"}
	if q.Newest {
		in.OrderBy = "timestamp desc"
	}
	for range maxPages {
		in.PageSize = min(left, maxPageSize)
		var out listResponse
		request := rest.Request{Method: http.MethodPost, Path: "/v2/entries:list", MaxResponse: maxPage}
		if err := c.Client.Call(ctx, request, in, &out); err != nil {
			return false, c.failed(ctx, err, q.Filter)
		}
		for _, raw := range out.Entries {
			var e entry
			if json.Unmarshal(raw, &e) != nil || e.line() == nil {
				continue // of another program in the project
			}
			if !yield(e.line()) {
				return false, nil
			}
			if left--; left == 0 {
				return true, nil
			}
		}
		// A page may be empty although there are more:
		// https://cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list#response-body
		if in.PageToken = out.NextPageToken; in.PageToken == "" {
			return false, nil
		}
	}
	return true, nil
}

// Command is what a person pastes into a shell to read the same lines, as one JSON array.
func (c *Cloud) Command(f Filter) string {
	project := c.Project
	if project == "" {
		project = "PROJECT"
	}
	oneLine := strings.ReplaceAll(f.String(), "\n", " AND ")
	command := "gcloud logging read '" + strings.ReplaceAll(oneLine, "'", `'\''`) + "' --project=" + project + " --format=json"
	if f.Since.IsZero() {
		command += " --freshness=30d" // a day without it
	}
	return command
}

// Explorer is the address of the query in Logs Explorer.
// https://cloud.google.com/logging/docs/view/logs-explorer-interface
func (c *Cloud) Explorer(f Filter) string {
	return "https://console.cloud.google.com/logs/query;query=" + url.PathEscape(f.String()) + "?project=" + url.QueryEscape(c.Project)
}

// Error is why Cloud Logging could not be read.
type Error struct {
	gcp.Failure

	Role    string // the role that the account needs; empty where that is not the cause
	Command string // reads the same lines, see [Cloud.Command]
}

// failed is the error of a query. The context's ends it as it is.
func (c *Cloud) failed(ctx context.Context, err error, f Filter) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := &Error{Failure: gcp.Failed("reading the log of the project "+c.Project, err), Command: c.Command(f)}
	switch {
	case e.Status == http.StatusForbidden && gcp.IsDisabled(err):
		e.Fix = "enable the API: gcloud services enable logging.googleapis.com --project=" + c.Project
	case e.Status == http.StatusForbidden:
		e.Role = "roles/logging.viewer"
		e.Fix = "give this account the role: gcloud projects add-iam-policy-binding " + c.Project +
			" --member=user:EMAIL --role=" + e.Role + " --condition=None"
	case e.Status == http.StatusNotFound:
		e.Fix = "name a project that is there"
	}
	return e
}
