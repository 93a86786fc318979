// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// maxFunction is so short because other names begin with the function's: a service
// account's has at most 30 letters.
const maxFunction = 22

// Check returns everything that is wrong with settings. Valid settings mean to a
// shell exactly what they say.
func (s Settings) Check() error {
	c := checker{}
	if s.Project != "" && !isProject(s.Project) {
		c.add("invalid project %q: write its id, of at least 6 lower-case letters, digits and hyphens", s.Project)
	}
	c.name("region", s.Region, isLocation(s.Region))
	c.name("function", s.Function, isFunction(s.Function))
	c.name("account", s.Runtime, isAccount(s.Runtime))
	c.name("account", s.Invoker, isAccount(s.Invoker))
	c.calls(s)
	for _, name := range s.Composer {
		c.name("environment", name, regexp.MustCompile(`^projects/[a-z0-9.:-]+/locations/[a-z0-9-]+/environments/[a-z0-9-]+$`).MatchString(name))
	}
	for _, name := range s.Buckets {
		c.name("bucket", name, isBucket(name))
	}
	for _, name := range s.Topics {
		c.name("topic", name, isTopic(name))
	}
	for _, bucket := range slices.Sorted(maps.Keys(s.Locations)) {
		c.name("bucket", bucket, isBucket(bucket))
		c.name("location", s.Locations[bucket], isLocation(s.Locations[bucket]))
	}
	for _, name := range slices.Sorted(maps.Keys(s.TypeLocations)) {
		c.name("event type", name, isType(name))
		c.name("location", s.TypeLocations[name], isLocation(s.TypeLocations[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Channels)) {
		c.name("event type", name, isType(name))
		c.name("event channel", s.Channels[name], regexp.MustCompile(`^projects/[^/\s$]+/locations/[a-z0-9-]+/channels/[a-z0-9-]+$`).
			MatchString(s.Channels[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Schedules)) {
		c.name("job", name, isJob(name))
		if schedule := s.Schedules[name]; !isSchedule(schedule) {
			c.add("invalid schedule %q: write the five fields of cron, such as 0 2 * * *", schedule)
		}
	}
	c.name("time zone", s.TimeZone, regexp.MustCompile(`^[A-Za-z0-9_+/-]+$`).MatchString(s.TimeZone))
	for _, name := range slices.Sorted(maps.Keys(s.Variables)) {
		c.name("setting", name, isVariable(name))
		c.plain("the value of "+name, s.Variables[name])
	}
	for _, name := range slices.Sorted(maps.Keys(s.Secrets)) {
		c.name("setting or path", name, isVariable(name) || regexp.MustCompile(`^(/[A-Za-z0-9._-]+){2,}$`).MatchString(name))
		c.name("secret", s.Secrets[name], regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`).MatchString(s.Secrets[name]))
	}
	c.name("image", s.Image, regexp.MustCompile(`^[a-z0-9][a-z0-9./_-]*(:[A-Za-z0-9._-]+)?(@sha256:[0-9a-f]{64})?$`).MatchString(s.Image))
	c.name("channel", s.Channel, regexp.MustCompile(`^projects/[^/\s$]+/notificationChannels/[0-9]+$`).MatchString(s.Channel))
	for _, address := range s.Stores {
		if strings.HasPrefix(address, "file:") {
			c.add("the file keeps dead letters in %s, a folder that is lost when the instance ends: name a topic or a bucket", address)
		}
		c.plain("the address "+address, address)
	}
	c.path("the routes", s.Routes)
	c.path("the shadow file", s.Shadow)
	c.path("the source", s.Source)
	return errors.Join(c.problems...)
}

// calls checks what is said of calls to the function, and of those that it makes meanwhile.
func (c *checker) calls(s Settings) {
	switch {
	case s.Pull && s.Invoker+strings.Join(s.Elsewhere, "") != "":
		c.add("nothing can call a worker pool, so that an account that delivers, or a route whose events something else sends, has no use: " +
			"leave --invoker-account and --elsewhere out with --pull")
	case !s.Pull && s.Call >= RequestTimeout:
		c.add("a call to Airflow may take %s, and the request that makes it ends after %s: set AIRFLOW_TIMEOUT below that",
			s.Call, RequestTimeout)
	}
}

type checker struct{ problems []error }

func (c *checker) add(format string, args ...any) {
	c.problems = append(c.problems, fmt.Errorf(format, args...))
}

// name refuses an invalid name that was given.
func (c *checker) name(what, name string, valid bool) {
	if name != "" && !valid {
		c.add("invalid %s %q", what, name)
	}
}

// plain refuses a text that a shell, or gcloud, would take for something else.
func (c *checker) plain(what, text string) {
	if strings.ContainsAny(text, "$\n\r") || strings.Contains(text, delimiter) {
		c.add("%s has a dollar sign, a line break or %s in it: give it as a secret", what, delimiter)
	}
}

// path refuses a path that a script would have to quote.
func (c *checker) path(of, path string) {
	if i := strings.IndexAny(path, "$`\"'{}\\\n\r"); i >= 0 {
		c.add("the path of %s has %q in it: name a path without", of, path[i:i+1])
	}
}

func isVariable(name string) bool { return regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`).MatchString(name) }

func isFunction(name string) bool {
	return len(name) <= maxFunction && regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`).MatchString(name)
}

func isLocation(name string) bool {
	return regexp.MustCompile(`^[a-z][-a-z0-9]*$`).MatchString(name)
}

func isType(name string) bool { return regexp.MustCompile(`^[A-Za-z0-9._-]+$`).MatchString(name) }

func isAccount(email string) bool {
	return regexp.MustCompile(`^[a-z0-9-]+@[a-z0-9.-]+\.gserviceaccount\.com$`).MatchString(email)
}

// MaxRoutes is the longest text of a setting, in bytes:
// https://cloud.google.com/run/docs/configuring/services/environment-variables
const MaxRoutes = 32 << 10

// CheckRoutes returns why the text of a routes file cannot be a setting.
func CheckRoutes(text string) error {
	switch {
	case len(text) > MaxRoutes:
		return fmt.Errorf("the file has %d bytes, and a setting at most %d: split it between several functions", len(text), MaxRoutes)
	case strings.Contains(text, delimiter):
		return fmt.Errorf("the file has %s in it, which stands between settings", delimiter)
	}
	return nil
}
