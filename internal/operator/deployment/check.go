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

// maxFunction leaves room in the names that begin with the function's: a service
// account's has at most 30 letters.
const maxFunction = 22

// Check tells what is wrong with settings, all of it. Settings that pass cannot
// mean anything else in a shell than what they say.
func (s Settings) Check() error {
	c := checker{}
	c.name("project", s.Project, isProject(s.Project))
	c.name("region", s.Region, isLocation(s.Region))
	c.name("function", s.Function, len(s.Function) <= maxFunction &&
		regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`).MatchString(s.Function))
	c.name("account", s.Runtime, isAccount(s.Runtime))
	c.name("account", s.Invoker, isAccount(s.Invoker))
	if s.Call >= RequestTimeout {
		c.faults = append(c.faults, fmt.Errorf("a call to Airflow may take %s, and the request that makes it ends after %s: set "+
			"AIRFLOW_TIMEOUT below that", s.Call, RequestTimeout))
	}
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
			c.faults = append(c.faults, fmt.Errorf("the file keeps dead letters in %s, a folder that an instance takes along when it ends: "+
				"name a topic or a bucket", address))
		}
		c.plain("the address "+address, address)
	}
	c.path("the routes", s.Routes)
	c.path("the source", s.Source)
	return errors.Join(c.faults...)
}

type checker struct{ faults []error }

// name faults a name that was given and cannot be.
func (c *checker) name(what, name string, valid bool) {
	if name != "" && !valid {
		c.faults = append(c.faults, fmt.Errorf("there can be no %s %q", what, name))
	}
}

// plain faults a text that a shell, or gcloud, would take for something else.
func (c *checker) plain(what, text string) {
	if strings.ContainsAny(text, "$\n\r") || strings.Contains(text, delimiter) {
		c.faults = append(c.faults, fmt.Errorf("%s has a dollar sign, a line break or %s in it: give it as a secret", what, delimiter))
	}
}

// path faults a path that could not stand in a script as it is.
func (c *checker) path(of, path string) {
	if i := strings.IndexAny(path, "$`\"'{}\\\n\r"); i >= 0 {
		c.faults = append(c.faults, fmt.Errorf("the path of %s has %q in it: name a path without", of, path[i:i+1]))
	}
}

func isVariable(name string) bool { return regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`).MatchString(name) }
func isLocation(name string) bool {
	return regexp.MustCompile(`^[a-z][-a-z0-9]*$`).MatchString(name)
}

func isAccount(email string) bool {
	return regexp.MustCompile(`^[a-z0-9-]+@[a-z0-9.-]+\.gserviceaccount\.com$`).MatchString(email)
}

// MaxRoutes is the longest text of a setting, in bytes:
// https://cloud.google.com/run/docs/configuring/services/environment-variables
const MaxRoutes = 32 << 10

// CheckRoutes tells why the text of a file of routes cannot be a setting.
func CheckRoutes(text string) error {
	switch {
	case len(text) > MaxRoutes:
		return fmt.Errorf("the file has %d bytes, and a setting at most %d: split it between several functions", len(text), MaxRoutes)
	case strings.Contains(text, delimiter):
		return fmt.Errorf("the file has %s in it, which stands between settings", delimiter)
	}
	return nil
}
