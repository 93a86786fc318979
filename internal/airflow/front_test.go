// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"strings"
	"testing"

	"example.com/dagtrigger/internal/airflow"
)

// page is an HTML answer.
func page(status int, body string) reply { return answer(status, "text/html", body) }

// The pages and messages are those that the products give, shortened.
func TestGatewayResponseIsNotARefusalByAirflow(t *testing.T) {
	t.Parallel()
	const nginx = "<html>\r\n<head><title>400 %s</title></head>\r\n<body>\r\n<center><h1>400 Bad " +
		"Request</h1></center>\r\n<center>%s</center>\r\n<hr><center>nginx/1.25.3</center>\r\n</body></html>"
	ofNginx := func(words string) reply { return page(400, strings.ReplaceAll(nginx, "%s", words)) }
	aspNet := `{"type":"https://tools.ietf.org/html/rfc9110#section-15.5.1","title":"Bad Request","status":400,"traceId":"00-1"}`
	spring := `{"type":"about:blank","title":"Bad Request","status":400,"detail":"Failed to read request","instance":"/api"}`
	for _, row := range []struct {
		name  string
		reply reply
		front airflow.Front
		said  string // after "something before Airflow answered"
		cause string // the first
	}{
		{"nginx, https port", ofNginx("The plain HTTP request was sent to HTTPS port"), airflow.FrontNginx,
			": nginx: The plain HTTP request was sent to HTTPS port", "https-port"},
		{"nginx, headers", ofNginx("Request Header Or Cookie Too Large").with("Server", "nginx/1.25.3"), airflow.FrontNginx,
			": nginx (Server: nginx/1.25.3): Request Header Or Cookie Too Large", "headers-too-large"},
		{"Go's server", answer(400, "text/plain", "Client sent an HTTP request to an HTTPS server.\n"), "",
			": Client sent an HTTP request to an HTTPS server.", "https-server"},
		{"Google's front end", page(400, "<!DOCTYPE html><title>Error 400 (Bad Request)!!1</title><p><b>400.</b> <ins>That's an error.</ins>"),
			airflow.FrontGoogle, ": Google's front end: Error (Bad Request)!!…", "front-refused"},
		{"AWS ALB", page(400, "<html>\r\n<head><title>400 Bad Request</title></head></html>").with("Server", "awselb/2.0"), airflow.FrontAWS,
			": AWS (a load balancer or API Gateway) (Server: awselb/2.0): Bad Request", "firewall"},
		{"AWS API Gateway", json(400, `{"message":null}`).with("X-Amzn-Errortype", "BadRequestException"), airflow.FrontAWS,
			": AWS (a load balancer or API Gateway)", "firewall"},
		{"Kong", json(400, `{"message":"Bad request"}`).with("Server", "kong/3.4.2"), airflow.FrontKong,
			": Kong (Server: kong/3.4.2): Bad request", "front-refused"},
		{"Envoy", answer(400, "text/plain", "upstream connect error or disconnect/reset before headers. reset reason: protocol error").
			with("Server", "istio-envoy"), airflow.FrontEnvoy,
			": Envoy or Istio (Server: istio-envoy): upstream connect error or disconnect/reset before headers. reset reason: protocol error",
			"front-refused"},
		{"Cloudflare", page(400, "<html><head><title>400 Bad Request</title></head><body><center>cloudflare</center></body></html>").
			with("Server", "cloudflare"), airflow.FrontCloudflare, ": Cloudflare (Server: cloudflare): Bad Request", "firewall"},
		{"IIS", page(400, `<HTML><HEAD><TITLE>Bad Request</TITLE></HEAD><BODY><h2>Bad Request - Invalid Hostname</h2></BODY></HTML>`).
			with("Server", "Microsoft-HTTPAPI/2.0"), airflow.FrontIIS, ": IIS (Server: Microsoft-HTTPAPI/2.0): Bad Request - Invalid Hostname",
			"front-refused"},
		{"HAProxy", page(400, "<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n</body></html>"),
			airflow.FrontHAProxy,
			": HAProxy: Bad request", "front-refused"},
		{"Django's CSRF page", page(400, "<html><head><title>400 CSRF verification failed. Request aborted.</title></head></html>"), "",
			": CSRF verification failed. Request aborted.", "csrf"},
		{"a WAF", page(422, "<html>blocked</html>"), "", "", "front-refused"},
		{"BIG-IP", page(400, "<html><head><title>Request Rejected</title></head><body>The requested URL was rejected. Please consult with your "+
			"administrator.</body></html>"),
			airflow.FrontF5, ": BIG-IP: Request Rejected", "firewall"},
		{"Tyk", json(400, `{"error":"Bad request"}`), "", ": Bad request", "front-refused"},
		{"an API of Google's", json(400, `{"error":{"code":400,"message":"Request contains an invalid argument."}}`).with("Via", "1.1 google"),
			airflow.FrontGoogle, ": Google's front end (Via: 1.1 google): Request contains an invalid argument.", "front-refused"},
		{"ASP.NET's problem", problem(400, aspNet), "", ": Bad Request", "front-refused"},
		{"Spring's problem", problem(400, spring), "", ": Failed to read request", "front-refused"},
		{"media type", page(415, "<title>415 Unsupported Media Type</title>"), "", ": Unsupported Media Type", "front-refused"},
		{"431", page(431, "<title>431</title>"), "", "", "headers-431"},
	} {
		for _, api := range []airflow.API{airflow.V2, airflow.V1} {
			t.Run(row.name+" "+string(api), func(t *testing.T) {
				t.Parallel()
				server := serve(t, script{post(api): row.reply})
				client := newClient(t, airflow.Config{URL: server.URL, API: api})
				_, err := client.Trigger(t.Context(), sales())
				e := asKind(t, err, airflow.Unexpected)
				if e.Front != row.front || e.Source != airflow.FromElsewhere || e.InDoubt {
					t.Errorf("front %q, source %s, in doubt: %t", e.Front, e.Source, e.InDoubt)
				}
				if got := strings.TrimPrefix(e.Said, "something before Airflow answered"); got != row.said {
					t.Errorf("got  %s\nwant %s", got, row.said)
				}
				if got := named(e.Hint); len(got) == 0 || got[0] != row.cause {
					t.Errorf("causes %v, want %s", got, row.cause)
				}
			})
		}
	}
}

func TestTooLargeNamesTheProxysLimit(t *testing.T) {
	t.Parallel()
	server := serve(t, script{postV2: page(413, "<title>413 Request Entity Too Large</title><hr><center>nginx</center>")})
	_, err := newClient(t, airflow.Config{URL: server.URL, API: airflow.V2}).Trigger(t.Context(), sales())
	e := asKind(t, err, airflow.TooLarge)
	if got := strings.Join(named(e.Hint), " "); got != "too-large too-large-front" || !strings.Contains(e.Hint, "client_max_body_size") {
		t.Errorf("causes %s: %v", got, e)
	}
	if e.Said != "something before Airflow answered: nginx: Request Entity Too Large" {
		t.Errorf("said %q", e.Said)
	}
}

// A gateway that refuses the caller is named, and Airflow's settings are not blamed.
func TestGatewayThatRefusesTheCallerIsNamed(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		reply reply
		said  string
		cause string
	}{
		{"Kong", json(401, `{"message":"No API key found in request"}`).with("Server", "kong/3.4.2").with("WWW-Authenticate", `Key realm="kong"`),
			`answered by Kong (Server: kong/3.4.2; WWW-Authenticate: Key realm="kong"): No API key found in request`, "front-caller"},
		{"Istio", answer(403, "text/plain", "RBAC: access denied"), "answered by Envoy or Istio: RBAC: access denied", "front-caller"},
		{"AWS", json(403, `{"message":"Missing Authentication Token"}`).with("X-Amzn-Errortype", "MissingAuthenticationTokenException"),
			"answered by AWS (a load balancer or API Gateway): Missing Authentication Token", "front-caller firewall"},
		{"oauth2-proxy", page(403, `<title>403 Forbidden</title><a href="https://github.com/oauth2-proxy/oauth2-proxy">`),
			"answered by oauth2-proxy: Forbidden", "front-caller"},
		{"Composer's network access", page(403, "<title>403 Forbidden</title>").with("Server", "Google Frontend"),
			"answered by Google's front end (Server: Google Frontend): Forbidden", "no-credentials front"},
	} {
		server := serve(t, script{postV1: row.reply})
		_, err := newClient(t, airflow.Config{URL: server.URL, API: airflow.V1}).Trigger(t.Context(), sales())
		e := asError(t, err)
		if e.Said != row.said {
			t.Errorf("%s: got  %s\nwant %s", row.name, e.Said, row.said)
		}
		if got := strings.Join(named(e.Hint), " "); got != row.cause {
			t.Errorf("%s: causes %s, want %s", row.name, got, row.cause)
		}
	}
}

// Of the two causes of a refusal before Airflow, front-caller is of the products that
// the answer names, and front of all others.
func TestRefusalBeforeAirflowHasOneCause(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		front airflow.Front
		want  string
	}{
		{"", "front"}, {airflow.FrontGoogle, "front"}, {airflow.FrontNginx, "front-caller"}, {airflow.FrontSquid, "front-caller"},
	} {
		for _, kind := range []airflow.Kind{airflow.Unauthorized, airflow.Forbidden} {
			for _, auth := range []string{"none", "basic", "password", "bearer", "oauth2"} {
				for _, api := range []airflow.API{airflow.Auto, airflow.V2, airflow.V1} {
					e := &airflow.Error{Kind: kind, API: api, Source: airflow.FromElsewhere, Front: row.front}
					var got []string
					for _, c := range airflow.CausesOf(e, auth, "") {
						if c.Name == "front" || c.Name == "front-caller" {
							got = append(got, c.Name)
						}
					}
					if strings.Join(got, " ") != row.want {
						t.Errorf("%s from %q, %s, %s: causes %v, want %s", kind, row.front, api, auth, got, row.want)
					}
				}
			}
		}
	}
}
