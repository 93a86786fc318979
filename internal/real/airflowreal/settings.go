// SPDX-License-Identifier: Apache-2.0

package airflowreal

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// User is someone who may log in.
type User struct {
	Name     string
	Password string
}

// The users of every Airflow that Start starts.
var (
	admin  = User{Name: "admin", Password: "admin"}
	viewer = User{Name: "viewer", Password: "viewer"}
)

// place is where one Airflow lives.
type place struct {
	home     string // AIRFLOW_HOME
	tmp      string
	conf     string // the folder of Airflow.Conf
	dags     string
	path     string // PATH
	database string // its SQLAlchemy URL
	port     int    // of the web server
}

func (p place) url() string { return "http://127.0.0.1:" + strconv.Itoa(p.port) }

// environment returns everything that an Airflow's programs find in their
// environment, but for Options.Config. Nothing of the user's own is in it, so
// that an Airflow is the same on every machine.
func environment(major int, p place) map[string]string {
	env := map[string]string{
		"PATH": p.path, "HOME": p.home, "TMPDIR": p.tmp, "LANG": "C.UTF-8",
		"AIRFLOW_HOME": p.home, confFolderVariable: p.conf,
	}
	set := func(values map[string]string) {
		for name, value := range values {
			env["AIRFLOW__"+name] = value
		}
	}
	set(map[string]string{
		"CORE__DAGS_FOLDER": p.dags, "CORE__LOAD_EXAMPLES": "False", "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
		"CORE__FERNET_KEY": secret(fernetKey), "DATABASE__SQL_ALCHEMY_CONN": p.database,
		"CORE__EXECUTOR": executor(major, p.database), "CORE__PARALLELISM": "4",
		"CORE__DAG_DISCOVERY_SAFE_MODE":  "False", // it would skip a file that does not name Airflow
		"USAGE_DATA_COLLECTION__ENABLED": "False", // it would call a host on the internet
	})
	if major == 2 {
		set(map[string]string{
			"API__AUTH_BACKENDS":    "airflow.api.auth.backend.basic_auth",
			"WEBSERVER__BASE_URL":   p.url(),
			"WEBSERVER__SECRET_KEY": secret(signingKey), "WEBSERVER__WORKERS": "2",
			"SCHEDULER__PARSING_PROCESSES": "1", "SCHEDULER__MIN_FILE_PROCESS_INTERVAL": parseInterval,
		})
		return env
	}
	set(map[string]string{
		"CORE__SIMPLE_AUTH_MANAGER_USERS":          admin.Name + ":admin," + viewer.Name + ":viewer",
		"CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": p.home + "/passwords.json",
		"CORE__EXECUTION_API_SERVER_URL":           p.url() + "/execution/",
		"API__BASE_URL":                            p.url(),
		"API__SECRET_KEY":                          secret(signingKey), "API__WORKERS": "1",
		"API_AUTH__JWT_SECRET":             secret(signingKey),
		"WORKERS__EXECUTION_API_TIMEOUT":   taskPatience,
		"DAG_PROCESSOR__PARSING_PROCESSES": "1", "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": parseInterval,
	})
	return env
}

// parseInterval is in seconds. The DAGs do not change: to read them again, each
// half minute by default, only takes time from what runs.
const parseInterval = "600"

// taskPatience is in seconds. By default a task gives up the one web server
// after five times five seconds, and one that a load keeps busy answers later.
const taskPatience = "60"

// executor returns one that runs tasks on this machine. Airflow 2 refuses the
// better one on SQLite.
func executor(major int, database string) string {
	if major == 2 && onSQLite(database) {
		return "SequentialExecutor"
	}
	return "LocalExecutor"
}

func onSQLite(database string) bool { return strings.HasPrefix(database, "sqlite:") }

// The sizes of keys in bytes: Fernet has one size, HS512 asks for this many at least.
const fernetKey, signingKey = 32, 64

// secret returns random bytes as a Fernet key is written.
func secret(size int) string {
	key := make([]byte, size)
	_, _ = rand.Read(key) // it never fails
	return base64.URLEncoding.EncodeToString(key)
}

// settingName is SECTION__KEY, as Airflow's variables have it after AIRFLOW__.
var settingName = regexp.MustCompile(`^[A-Z][A-Z0-9_]*__[A-Z][A-Z0-9_]*$`)

func checkConfig(config map[string]string) error {
	var invalid []error
	for _, name := range slices.Sorted(maps.Keys(config)) {
		if !settingName.MatchString(name) || strings.HasPrefix(name, "AIRFLOW__") {
			invalid = append(invalid, fmt.Errorf("%q is not a valid Airflow setting: write SECTION__KEY, such as API__AUTH_BACKENDS", name))
		}
	}
	return errors.Join(invalid...)
}

// settings are an Airflow's environment, and the commands that run in it.
type settings struct {
	installed
	place
	base   map[string]string
	config map[string]string // Options.Config
}

// settle makes a home for an Airflow in the supervisor's folder.
func settle(s *supervisor, i installed, dags, database string) (settings, error) {
	port, err := freePort()
	if err != nil {
		return settings{}, err
	}
	p := place{
		home: s.path("home"), tmp: s.path("tmp"), conf: s.path("conf"), dags: dags,
		path: i.bin("") + ":" + os.Getenv("PATH"), database: database, port: port,
	}
	passwords := fmt.Sprintf(`{%q: %q, %q: %q}`, admin.Name, admin.Password, viewer.Name, viewer.Password)
	err = errors.Join(os.MkdirAll(p.home, 0o700), os.MkdirAll(p.conf, 0o700),
		// Every program would write its own airflow.cfg, each over the other's.
		os.WriteFile(p.home+"/airflow.cfg", nil, 0o600),
		os.WriteFile(p.home+"/passwords.json", []byte(passwords), 0o600))
	if err != nil {
		return settings{}, fmt.Errorf("making a home for Airflow: %w", err)
	}
	return settings{installed: i, place: p, base: environment(i.major, p)}, nil
}

// airflow returns a command of Airflow's, with further settings for it alone.
func (s settings) airflow(name string, own map[string]string, args ...string) command {
	env := maps.Clone(s.base)
	for _, more := range []map[string]string{s.config, own} {
		for key, value := range more {
			env["AIRFLOW__"+key] = value
		}
	}
	entries := make([]string, 0, len(env))
	for _, key := range slices.Sorted(maps.Keys(env)) {
		entries = append(entries, key+"="+env[key])
	}
	return command{name: name, args: append([]string{s.bin("airflow")}, args...), env: entries}
}

// setUp returns the arguments that make an empty database one of Airflow's, with its users.
func setUp(major int) [][]string {
	steps := [][]string{{"db", "migrate"}}
	if major >= 3 {
		return steps // its users are settings
	}
	steps = append(steps, []string{"sync-perm"}) // makes the roles
	for _, user := range []User{admin, viewer} {
		role := strings.ToUpper(user.Name[:1]) + user.Name[1:]
		steps = append(steps, []string{"users", "create", "--username", user.Name, "--password", user.Password, "--role", role,
			"--firstname", user.Name, "--lastname", user.Name, "--email", user.Name + "@example.com"})
	}
	return steps
}

// load reads the DAGs into the database once, the way a running Airflow does.
func (s settings) load() command {
	if s.major == 2 && onSQLite(s.database) {
		return s.airflow("load", nil, "dags", "reserialize") // its processor refuses SQLite
	}
	own := map[string]string{}
	if s.major == 2 {
		own["SCHEDULER__STANDALONE_DAG_PROCESSOR"] = "True"
	}
	return s.airflow("load", own, "dag-processor", "--num-runs", "1")
}

// webServer returns the server of pages and API. Tasks of Airflow 3 need all of it, triggers the core alone.
func (s settings) webServer(withTasks bool) command {
	port := strconv.Itoa(s.port)
	if s.major == 2 {
		return s.airflow("webserver", nil, "webserver", "-H", "127.0.0.1", "-p", port)
	}
	args := []string{"api-server", "-H", "127.0.0.1", "-p", port}
	if !withTasks {
		args = append(args, "--apps", "core")
	}
	return s.airflow("api-server", nil, args...)
}

// schedulers returns what runs tasks. The log server stays off, for it listens
// on every address; the pages read the logs from the folder.
func (s settings) schedulers() []command {
	all := []command{s.airflow("scheduler", nil, "scheduler", "--skip-serve-logs")}
	if s.major >= 3 {
		all = append(all, s.airflow("dag-processor", nil, "dag-processor"))
	}
	return all
}
