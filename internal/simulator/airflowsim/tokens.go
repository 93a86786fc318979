// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	tokenTTL    = 24 * time.Hour // [api_auth] jwt_expiration_time
	cliTokenTTL = time.Hour      // jwt_cli_expiration_time
)

// tokenRoutes are the SimpleAuthManager's:
// airflow/api_fastapi/auth/managers/simple/routes/login.py.
func tokenRoutes() []route {
	return []route{
		{http.MethodPost, "/auth/token", func(c *call) answer { return c.login(cmp.Or(c.s.config.TokenTTL, tokenTTL)) }},
		{http.MethodGet, "/auth/token", tokenForAll},
		{http.MethodPost, "/auth/token/cli", func(c *call) answer { return c.login(cmp.Or(c.s.config.TokenTTL, cliTokenTTL)) }},
	}
}

func (c *call) created(user User, ttl time.Duration) answer {
	return json3(http.StatusCreated, obj("access_token", c.s.token(user, ttl, c.now)))
}

func tokenForAll(c *call) answer {
	if c.s.config.Auth != AuthOpen {
		return detail(http.StatusForbidden, "This method is only allowed if ``[core] simple_auth_manager_all_admins`` is True")
	}
	return c.created(everybody, cmp.Or(c.s.config.TokenTTL, tokenTTL))
}

// login reads name and password, as JSON or as a form.
func (c *call) login(ttl time.Duration) answer {
	var body any
	var syntax *json.SyntaxError
	switch mediaType, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type")); mediaType {
	case "", "application/json":
		if nesting(c.text) > fastAPINesting {
			return internalError
		}
		body, syntax = parse(c.text)
	case "application/x-www-form-urlencoded":
		form, _ := url.ParseQuery(string(c.text))
		fields := obj()
		for name := range form {
			fields.set(name, form.Get(name))
		}
		body = fields
	default:
		return detail(http.StatusUnsupportedMediaType, "Only application/json or application/x-www-form-urlencoded is supported")
	}
	fields, ok := body.(*object)
	switch {
	case ok:
	case syntax != nil && c.v34():
		return detail(http.StatusUnprocessableEntity, []any{obj("type", "json_invalid", "loc", []any{"body", place(syntax)},
			"msg", "JSON decode error", "ctx", obj("error", "Expecting value"))})
	default:
		return internalError
	}
	if complaint := loginComplaint(fields); complaint != "" {
		return detail(http.StatusUnprocessableEntity, complaint)
	}
	name, password := fields.vals["username"].(string), fields.vals["password"].(string)
	if c.s.config.Auth == AuthOpen {
		return c.created(everybody, ttl)
	}
	if name == "" || password == "" {
		return detail(http.StatusBadRequest, "Username and password must be provided")
	}
	user, ok := c.s.login(name, password)
	if !ok {
		return detail(http.StatusUnauthorized, "Invalid credentials")
	}
	return c.created(user, ttl)
}

// loginComplaint is Pydantic's ValidationError of LoginBody as one text, or "".
func loginComplaint(fields *object) string {
	var complaints []string
	complain := func(name, kind, message string, v any) {
		complaints = append(complaints, fmt.Sprintf("%s\n  %s [type=%s, input_value=%s, input_type=%s]\n"+
			"    For further information visit https://errors.pydantic.dev/2.14/v/%[3]s", name, message, kind, repr(v), pythonType(v)))
	}
	for _, name := range []string{"username", "password"} {
		switch v := fields.vals[name]; {
		case !fields.has(name):
			complain(name, "missing", "Field required", fields)
		case !isType(v, "string"):
			complain(name, "string_type", "Input should be a valid string", v)
		}
	}
	for _, key := range fields.keys {
		if key != "username" && key != "password" {
			complain(key, "extra_forbidden", "Extra inputs are not permitted", fields.vals[key])
		}
	}
	if len(complaints) == 0 {
		return ""
	}
	errors := "errors"
	if len(complaints) == 1 {
		errors = "error"
	}
	return fmt.Sprintf("%d validation %s for LoginBody\n%s", len(complaints), errors, strings.Join(complaints, "\n"))
}

func pythonType(v any) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case string:
		return "str"
	case number:
		if strings.ContainsAny(string(v), ".eI") {
			return "float"
		}
		return "int"
	case []any:
		return "list"
	}
	return "dict"
}
