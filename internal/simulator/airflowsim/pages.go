// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"fmt"
	"net/http"
	"strings"
)

const html = "text/html; charset=utf-8"

// noRoute is the answer to a path, or a method of a path, that this version does not serve.
func (s *Server) noRoute(req *http.Request, allowed []string) answer {
	switch s.config.Version {
	case Airflow110:
		if len(allowed) > 0 {
			return werkzeug(
				http.StatusMethodNotAllowed,
				"The method is not allowed for the requested URL.",
			).with("Allow", strings.Join(allowed, ", "))
		}
		return lotsOfCircles
	case Airflow33, Airflow34:
		return s.noRoute3(req, allowed)
	}
	// airflow/www/extensions/init_views.py: below the path of an API the
	// error is a problem, elsewhere a page.
	api := has(req.URL, "/api/v1") || s.config.ExperimentalAPI && has(req.URL, "/api/experimental")
	switch {
	case api && len(allowed) > 0:
		return problem(http.StatusMethodNotAllowed, "about:blank", "Method Not Allowed", "The method is not allowed for the requested URL.")
	case api:
		return problem(http.StatusNotFound, "about:blank", "Not Found",
			"The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.")
	case len(allowed) > 0:
		return page(http.StatusMethodNotAllowed, "Airflow 405", "Received an invalid request.")
	}
	return page(http.StatusNotFound, "Airflow 404", "Page cannot be found.")
}

// noRoute3 is airflow/api_fastapi/core_api/app.py: below /api the paths of
// Airflow 2 get a message, any other path is the single page of the UI, and a
// POST meets the GET of that catch-all.
func (s *Server) noRoute3(req *http.Request, allowed []string) answer {
	gone := func(text string) answer { return json3(http.StatusNotFound, obj("error", text)) }
	switch {
	case len(allowed) > 0:
		return detail(http.StatusMethodNotAllowed, "Method Not Allowed").with("Allow", allowed[0])
	case req.Method != http.MethodGet:
		return detail(http.StatusMethodNotAllowed, "Method Not Allowed").with("Allow", http.MethodGet)
	case strings.HasPrefix(req.URL.Path, "/api/v1/"):
		return gone("/api/v1 has been removed in Airflow 3, please use its upgraded version /api/v2 instead.")
	case strings.HasPrefix(req.URL.Path, "/api/"):
		return gone("API route not found")
	case req.URL.Path == "/health":
		return gone("Moved in Airflow 3. Please change config to check `/api/v2/monitor/health`")
	}
	return answer{
		status:    http.StatusOK,
		mediaType: html,
		body:      []byte("<!doctype html>\n<html><head><title>Airflow</title></head><body><div id=\"root\"></div></body></html>\n"),
	}
}

// page is a page of Airflow's, shorter than the real one.
func page(status int, title, text string) answer {
	return answer{status: status, mediaType: html, body: fmt.Appendf(
		nil,
		"<!DOCTYPE html>\n<html lang=\"en\">\n  <head>\n    <title>%s</title>\n  </head>\n  <body>\n    <h1>%[1]s</h1>\n    <p>%s</p>\n  "+
			"</body>\n</html>\n",
		title,
		text,
	)}
}

// ooops is the page of an exception that nobody caught: show_traceback of airflow/www/views.py.
func ooops(v Version) answer {
	title, text := "Ooops!", "Something bad has happened. For security reasons detailed information about the error is not logged."
	if v == Airflow110 {
		title, text = "Ooops.", "Traceback (most recent call last):"
	}
	return answer{status: http.StatusInternalServerError, mediaType: html, body: fmt.Appendf(nil,
		"\n<html>\n  <body>\n    <h1> %s </h1>\n    <pre>%s</pre>\n  </body>\n</html>\n", title, text)}
}

var lotsOfCircles = page(http.StatusNotFound, "Airflow 404 = lots of circles", "")

// werkzeug is the bare page of an HTTP error, as Werkzeug before 1.0 made it (1.10).
func werkzeug(status int, text string) answer {
	return answer{status: status, mediaType: "text/html", body: fmt.Appendf(
		nil,
		"<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n<title>%d %s</title>\n<h1>%[2]s</h1>\n<p>%s</p>\n",
		status,
		http.StatusText(status),
		text,
	)}
}

// werkzeug2 is the same of today's Werkzeug (2.11).
func werkzeug2(status int, text string) answer {
	return answer{status: status, mediaType: html, body: fmt.Appendf(nil,
		"<!doctype html>\n<html lang=en>\n<title>%d %s</title>\n<h1>%[2]s</h1>\n<p>%s</p>\n", status, http.StatusText(status), text)}
}

// payload is 2.11's answer to a body that it does not take, nil for one that
// it does: a page on either API. The limit, [webserver] allowed_payload_size,
// is the float 1.0 MB, and gunicorn, reading 64 KiB at a time, fails on what
// is then left to read of a body just below it.
func (s *Server) payload(c *call) *answer {
	const limit, chunk = 1 << 20, 64 << 10
	var a answer
	switch size := len(c.text); {
	case s.config.Version != Airflow211 || size == limit || size <= limit-chunk:
		return nil
	case size > limit:
		a = werkzeug2(http.StatusRequestEntityTooLarge, "The data value transmitted exceeds the capacity limit.")
	default:
		a = ooops(Airflow211) // TypeError: size must be an integral type
	}
	if has(c.URL, "/api/experimental") {
		a = deprecated(a)
	}
	return &a
}

// signIn is a login page, as a proxy or Airflow's own UI shows it.
var signIn = page(http.StatusOK, "Sign In - Airflow", "Enter your login and password below:")
