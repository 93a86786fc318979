// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"cmp"
	"encoding/json"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Front is a product that stands before Airflow and answers in its place. It is
// named as in messages.
type Front string

// The fronts that are recognised.
const (
	FrontIAP         Front = "Identity-Aware Proxy"
	FrontGoogle      Front = "Google's front end"
	FrontKong        Front = "Kong"
	FrontAWS         Front = "AWS (a load balancer or API Gateway)"
	FrontCloudFront  Front = "CloudFront"
	FrontEnvoy       Front = "Envoy or Istio"
	FrontOAuth2Proxy Front = "oauth2-proxy"
	FrontCloudflare  Front = "Cloudflare"
	FrontNginx       Front = "nginx"
	FrontHAProxy     Front = "HAProxy"
	FrontIIS         Front = "IIS"
	FrontAzure       Front = "Azure Application Gateway"
	FrontApache      Front = "Apache httpd"
	FrontTraefik     Front = "Traefik"
	FrontAkamai      Front = "Akamai"
	FrontF5          Front = "BIG-IP"
	FrontImperva     Front = "Imperva"
	FrontFortinet    Front = "FortiWeb"
	FrontVarnish     Front = "Varnish"
	FrontSquid       Front = "Squid"
)

// sign is how a front is recognised: by the beginning of a header's value, or by
// words of its page. An empty value stands for any.
type sign struct {
	front               Front
	header, value, page string
}

// signs are tried in order. A front nearer to the caller passes on the headers
// of one behind it, and rewrites Server: pages and headers of a front's own
// come first.
func signs() []sign { //nolint:funlen // a table
	return []sign{
		{front: FrontIAP, header: "X-Goog-IAP-Generated-Response", value: "true"},
		{front: FrontKong, header: "Server", value: "kong"},
		{front: FrontKong, header: "X-Kong-Response-Latency"},
		{front: FrontKong, header: "X-Kong-Request-Id"},
		{front: FrontKong, header: "Www-Authenticate", value: `Basic realm="kong`},
		{front: FrontKong, page: "no Route matched with those values"},
		{front: FrontAWS, header: "Server", value: "awselb"},
		{front: FrontAWS, header: "X-Amzn-Errortype"},
		{front: FrontAWS, header: "X-Amz-Apigw-Id"},
		{front: FrontAWS, header: "Apigw-Requestid"},
		{front: FrontAWS, header: "X-Amzn-Requestid"},
		{front: FrontCloudFront, header: "Server", value: "cloudfront"},
		{front: FrontCloudFront, header: "X-Amz-Cf-Id"},
		{front: FrontOAuth2Proxy, page: "oauth2-proxy"},
		{front: FrontOAuth2Proxy, page: "oauth2 proxy"},
		{front: FrontOAuth2Proxy, page: "/oauth2/start"},
		{front: FrontOAuth2Proxy, page: "/oauth2/sign_in"},
		{front: FrontOAuth2Proxy, header: "Gap-Auth"},
		{front: FrontOAuth2Proxy, header: "Set-Cookie", value: "_oauth2_proxy"},
		{front: FrontOAuth2Proxy, header: "Location", value: "/oauth2/"},
		{front: FrontEnvoy, page: "RBAC: access denied"},
		{front: FrontEnvoy, page: "Jwt is missing"},
		{front: FrontEnvoy, page: "Jwt "},
		{front: FrontEnvoy, page: "upstream connect error"},
		{front: FrontEnvoy, page: "no healthy upstream"},
		{front: FrontGoogle, page: "(Bad Request)!!1"},
		{front: FrontGoogle, page: "That's an error"},
		{front: FrontGoogle, page: "That’s an error"},
		{front: FrontF5, page: "The requested URL was rejected"},
		{front: FrontF5, header: "Server", value: "bigip"},
		{front: FrontF5, header: "Server", value: "big-ip"},
		{front: FrontImperva, page: "incapsula"},
		{front: FrontImperva, header: "X-Iinfo"},
		{front: FrontFortinet, page: "fortiweb"},
		{front: FrontFortinet, page: "fgd_icon"},
		{front: FrontFortinet, page: "web page blocked"},
		{front: FrontAkamai, header: "Server", value: "akamai"},
		{front: FrontAzure, header: "Server", value: "microsoft-azure-application-gateway"},
		{front: FrontAzure, page: "Microsoft-Azure-Application-Gateway"},
		{front: FrontIIS, header: "Server", value: "microsoft"},
		{front: FrontHAProxy, header: "Server", value: "haproxy"},
		{front: FrontHAProxy, page: "Your browser sent an invalid request."},
		{front: FrontHAProxy, page: "No server is available to handle this request."},
		{front: FrontNginx, page: "<center>nginx"},
		{front: FrontNginx, page: "<center>openresty"},
		{front: FrontApache, page: "<address>Apache"},
		{front: FrontCloudflare, header: "Server", value: "cloudflare"},
		{front: FrontCloudflare, header: "Cf-Ray"},
		{front: FrontNginx, header: "Server", value: "nginx"},
		{front: FrontNginx, header: "Server", value: "openresty"},
		{front: FrontEnvoy, header: "Server", value: "istio-envoy"},
		{front: FrontEnvoy, header: "Server", value: "envoy"},
		{front: FrontApache, header: "Server", value: "apache"},
		{front: FrontTraefik, header: "Server", value: "traefik"},
		{front: FrontVarnish, header: "Server", value: "varnish"},
		{front: FrontVarnish, header: "X-Varnish"},
		{front: FrontSquid, header: "Server", value: "squid"},
		{front: FrontGoogle, header: "Server", value: "google frontend"},
		{front: FrontGoogle, header: "Server", value: "gws"},
		{front: FrontGoogle, header: "Via", value: "1.1 google"},
	}
}

// frontOf names the product that made an answer which is not Airflow's; empty
// where nothing shows it.
func frontOf(h http.Header, page []byte) Front {
	text := strings.ToLower(string(page))
	for _, s := range signs() {
		switch {
		case s.page != "":
			if strings.Contains(text, strings.ToLower(s.page)) {
				return s.front
			}
		case slices.ContainsFunc(h.Values(s.header), func(v string) bool { return v != "" && hasPrefixFold(v, s.value) }):
			return s.front
		}
	}
	return ""
}

func hasPrefixFold(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

// describe says who answered, by the headers in which it names itself. A value
// that repeats a part of the credentials is left out.
func describe(front Front, h http.Header, credentials string) string {
	var names []string
	for _, name := range []string{"Server", "Via", "WWW-Authenticate"} {
		if value := headerText(strings.Join(h.Values(name), ", ")); value != "" && !repeats(value, credentials) {
			names = append(names, name+": "+value)
		}
	}
	if len(names) == 0 {
		return string(front)
	}
	return strings.TrimSpace(string(front) + " (" + strings.Join(names, "; ") + ")")
}

// repeats reports whether a header's value has eight characters in a row in
// common with the credentials.
func repeats(value, credentials string) bool {
	const size = 8
	for ; len(value) >= size; value = value[1:] {
		if strings.Contains(credentials, value[:size]) {
			return true
		}
	}
	return false
}

// headerText is a header's value without signs that could mislead a reader.
func headerText(value string) string {
	return shorten(strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r > ' ' && r <= '~' && !strings.ContainsRune(`<>\`, r) {
			return r
		}
		return ' '
	}, value)), " "), 100)
}

// isAirflows reports whether a refusal has a shape that Airflow uses: the
// problem JSON of v1 (connexion.problem, with Airflow's own or no type of
// problem), FastAPI's detail, alone, and the experimental API's error, alone,
// which Airflow 3 uses for paths that do not exist.
func isAirflows(api API, status int, answer map[string]json.RawMessage) bool {
	switch {
	case len(answer) == 1 && answer["detail"] != nil:
		return isDetail(answer["detail"])
	case len(answer) == 1 && answer["error"] != nil:
		absent := status == http.StatusNotFound || status == http.StatusMethodNotAllowed
		return readText(answer["error"]) != "" && (api == Experimental || absent)
	}
	for name := range answer {
		if !strings.Contains(" detail status title type ", " "+name+" ") {
			return false
		}
	}
	kind := readText(answer["type"])
	return readText(answer["title"]) != "" && (kind == "" || kind == "about:blank" || strings.Contains(kind, "airflow"))
}

// isDetail reports whether a detail is text, a list of errors by place, or a
// database's error.
func isDetail(detail json.RawMessage) bool {
	var list []struct {
		Loc []any
		Msg *string
	}
	var database struct{ Reason *string }
	switch {
	case readText(detail) != "":
		return true
	case json.Unmarshal(detail, &list) == nil:
		return len(list) > 0 && list[0].Msg != nil
	}
	return json.Unmarshal(detail, &database) == nil && database.Reason != nil
}

var headings = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?is)<(?:title|h1|h2|center|p)[^>]*>([^<]*)`) })

// withoutStatus finds the status that a page begins with: it is known already.
var withoutStatus = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(Error )?[45]\d\d[.:]? `) })

// pageSaid is the first short text that says more than the status: of an HTML
// page its title and first heading, of JSON its message, or plain text.
func pageSaid(page []byte, status int) string {
	var answer struct {
		Message, Msg     string
		Detail, Title    any
		Error            any
		ErrorDescription string `json:"error_description"`
	}
	if json.Unmarshal(page, &answer) == nil {
		nested, _ := answer.Error.(map[string]any)
		return cmp.Or(answer.Message, answer.Msg, answer.ErrorDescription, text(answer.Error), text(nested["message"]),
			text(answer.Detail), text(answer.Title))
	}
	if !strings.Contains(string(page), "<") {
		return string(page)
	}
	plain := strings.ToLower(http.StatusText(status))
	first := ""
	for _, found := range headings().FindAllSubmatch(page, 8) {
		said := strings.TrimSpace(html.UnescapeString(string(found[1])))
		said = withoutStatus().ReplaceAllString(said, "$1")
		switch words := strings.ToLower(said); {
		case said == "" || strings.HasPrefix(words, "nginx") || strings.HasPrefix(words, "openresty") || words == "cloudflare":
		case words == plain || strings.TrimRight(words, " 0123456789") == "error":
			first = cmp.Or(first, said)
		default:
			return said
		}
	}
	return first
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
