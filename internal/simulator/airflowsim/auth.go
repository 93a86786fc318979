// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"crypto/hmac"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Auth is how a [Server] tells its callers apart.
type Auth string

// The ways. On 1.10 and 2.11 they are [api] auth_backend(s), with one backend in the list.
const (
	// AuthBasic asks for a name and a password: password_auth on 1.10,
	// basic_auth on 2.11, whose experimental API then lets callers without
	// credentials pass.
	AuthBasic Auth = "basic"
	// AuthDenyAll refuses everybody: the default of 1.10.11 and later.
	AuthDenyAll Auth = "deny_all"
	// AuthOpen is the backend named "default": the experimental API is open,
	// while v1 knows nobody and so refuses even an admin. On 3.3 it is
	// [core] simple_auth_manager_all_admins.
	AuthOpen Auth = "default"
	// AuthToken is 3.3's own: a JSON Web Token from POST /auth/token.
	AuthToken Auth = "token"
)

func (a Auth) fits(v Version) bool {
	if v.ServesV2() {
		return a == AuthToken || a == AuthOpen
	}
	return a == AuthBasic || a == AuthDenyAll || a == AuthOpen
}

// Role is a role of the auth manager's. The experimental API knows none.
type Role string

// The roles that tell one API caller from another.
const (
	Admin  Role = "Admin"
	Op     Role = "Op"
	Editor Role = "User" // the role that Airflow names User
	Viewer Role = "Viewer"
)

var roles = []Role{Admin, Op, Editor, Viewer}

func (r Role) known() bool { return slices.Contains(roles, r) }

// User may sign in.
type User struct {
	Name, Password string
	Role           Role
}

// everybody is who calls under simple_auth_manager_all_admins.
var everybody = User{Name: "Anonymous", Role: Admin}

// permission is what a route asks of its caller.
type permission int

const (
	anonymous permission = iota // no credentials at all
	read
	trigger // a run, and pause its DAG
	publish // an asset event
)

// may reports what a role is allowed to do: FAB's default roles on 2.11 and the
// SimpleAuthManager's on 3.3, where a User publishes no asset event.
func (r Role) may(p permission, v Version) bool {
	switch {
	case p == anonymous:
		return true
	case r == Admin || r == Op:
		return true
	case r == Editor:
		return p != publish || !v.ServesV2()
	}
	return r == Viewer && p == read
}

// basicUser is the user whose name and password the request carries.
func (s *Server) basicUser(req *http.Request) (User, bool) {
	name, password, ok := req.BasicAuth()
	if !ok {
		return User{}, false
	}
	return s.login(name, password)
}

func (s *Server) login(name, password string) (User, bool) {
	for _, user := range s.config.Users {
		if user.Name == name && subtle.ConstantTimeCompare([]byte(user.Password), []byte(password)) == 1 {
			return user, true
		}
	}
	return User{}, false
}

// v1User is whom v1 takes a caller for. No or wrong credentials pass the
// authentication of the FAB provider as the public role, which has no
// permission by default: 403, never 401. So do all under the backends that know nobody.
func (s *Server) v1User(req *http.Request) User {
	if s.config.Auth == AuthBasic {
		if user, ok := s.basicUser(req); ok {
			return user
		}
	}
	return User{Role: s.config.PublicRole}
}

// tokenHeader is {"alg":"HS512","kid":"not-used","typ":"JWT"}, as Airflow signs.
const tokenHeader = `{"alg":"HS512","kid":"not-used","typ":"JWT"}`

// token signs a JWT with the claims of airflow/api_fastapi/auth/tokens.py.
func (s *Server) token(user User, ttl time.Duration, now time.Time) string {
	claims := pydanticStyle.encode(obj(
		"sub", user.Name, "role", strings.ToLower(string(user.Role)), "aud", "apache-airflow",
		"nbf", int(now.Unix()), "exp", int(now.Add(ttl).Unix()), "iat", int(now.Unix()),
	))
	signed := base64.RawURLEncoding.EncodeToString([]byte(tokenHeader)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	return signed + "." + s.sign(signed)
}

func (s *Server) sign(signed string) string {
	mac := hmac.New(sha512.New, s.secret)
	mac.Write([]byte(signed))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// v2User is the caller by its bearer token, or the answer that refuses it:
// airflow/api_fastapi/core_api/security.py. A bad signature is a 403. The
// leeway of ten seconds that Airflow grants an expired token is left out.
func (s *Server) v2User(req *http.Request, now time.Time) (User, *answer) {
	if s.config.Auth == AuthOpen && req.Header.Get("Authorization") == "" {
		return everybody, nil
	}
	scheme, token, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") || token == "" {
		return User{}, new(detail(http.StatusUnauthorized, "Not authenticated"))
	}
	invalid := new(detail(http.StatusForbidden, "Invalid JWT token"))
	dot := strings.LastIndexByte(token, '.')
	if dot < 0 || !hmac.Equal([]byte(s.sign(token[:dot])), []byte(token[dot+1:])) {
		return User{}, invalid
	}
	_, payload, _ := strings.Cut(token[:dot], ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return User{}, invalid
	}
	claims, _ := parse(text) // signed here, so well formed
	exp := claims.(*object).vals["exp"].(number)
	if compare(number(strconv.FormatInt(now.Unix(), 10)), exp) >= 0 {
		return User{}, new(detail(http.StatusUnauthorized, "Token Expired"))
	}
	user := User{Name: claims.(*object).vals["sub"].(string)}
	for _, role := range roles {
		if strings.EqualFold(string(role), claims.(*object).vals["role"].(string)) {
			user.Role = role
		}
	}
	return user, nil
}
