// SPDX-License-Identifier: Apache-2.0

package airflowsim_test

import (
	"testing"
	"time"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	login := func(body string) request { return post("/auth/token", body).as("-") }
	crash := answer{500, "text/plain; charset=utf-8", "Internal Server Error"}
	missing := `1 validation error for LoginBody\npassword\n  Field required [type=missing, input_value={'username': 'admin'}, ` +
		`input_type=dict]\n    For further information visit https://errors.pydantic.dev/2.14/v/missing`
	check(t, airflow33, []row{
		{name: "a wrong password", req: login(`{"username":"admin","password":"bad"}`), want: detail(401, "Invalid credentials")},
		{name: "no password", req: login(`{"username":"admin"}`), want: detail(422, missing)},
		{name: "empty ones", req: login(`{"username":"","password":""}`), want: detail(400, "Username and password must be provided")},
		{name: "invalid JSON", req: login("{bad"), want: crash},
		{name: "no body", req: login(""), want: crash},
		{
			name: "a text",
			req:  login(`{"username":"admin","password":"admin"}`).typed("text/plain"),
			want: detail(415, "Only application/json or application/x-www-form-urlencoded is supported"),
		},
		{
			name: "a form",
			req:  login("username=admin&password=admin").typed("application/x-www-form-urlencoded"),
			want: json3(201, `~{"access_token":"eyJ`),
		},
		{
			name: "for the command line",
			req:  post("/auth/token/cli", `{"username":"admin","password":"admin"}`).as("-"),
			want: json3(201, `~{"access_token":"eyJ`),
		},
		{
			name: "for everybody, where not everybody is an admin",
			req:  get("/auth/token").as("-"),
			want: detail(403, "This method is only allowed if ``[core] simple_auth_manager_all_admins`` is True"),
		},
	})
}

func TestTokenExpires(t *testing.T) {
	t.Parallel()
	clock := newClock()
	c := airflow33(t)
	c.Now, c.TokenTTL = clock.Now, time.Minute
	s := newServer(t, c)
	old := get("/api/v2/dags/d").as("-").with("Authorization", "bearer "+token(t, s, "viewer"))

	clock.advance(59 * time.Second)
	json3(200, `~"dag_id":"d"`).compare(t, do(t, s, old))
	clock.advance(time.Second)
	detail(401, "Token Expired").compare(t, do(t, s, old))
	other := get("/api/v2/dags/d").as("-").with("Authorization", "Bearer "+token(t, s, "viewer"))
	json3(200, `~"dag_id":"d"`).compare(t, do(t, s, other))
	s.ForgetTokens()
	detail(403, "Invalid JWT token").compare(t, do(t, s, other))
}
