// SPDX-License-Identifier: Apache-2.0

package deployed

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"example.com/dagtrigger/internal/operator/deployment"
)

// The roles that may read, each the least of Google's own.
const (
	functionsViewer = "roles/cloudfunctions.viewer"
	runViewer       = "roles/run.viewer"
	schedulerViewer = "roles/cloudscheduler.viewer"
	eventarcViewer  = "roles/eventarc.viewer"
	pubsubViewer    = "roles/pubsub.viewer"
	bucketViewer    = "roles/storage.bucketViewer"
	accountViewer   = "roles/iam.serviceAccountViewer"
	policyViewer    = "roles/iam.securityReviewer"
	projectViewer   = "roles/browser"
)

// function compares the function, or the service of Cloud Run in its place.
func (c *comparison) function() {
	s := c.plan.Settings
	create := c.shell(c.plan.Deploy()...)
	var unread, err error
	if s.Image == "" {
		c.deployed, unread = c.Cloud.Function(c.ctx, s.Project, s.Region, s.Function)
		if c.deployed.Labels[terraformLabel] == "true" {
			create = []string{"terraform apply"}
		}
	}
	c.resource = "service " + s.Function
	c.service, err = c.Cloud.Service(c.ctx, s.Project, s.Region, s.Function)
	if c.reads(err, "the service", s.Function, runViewer, create...) {
		c.revision(create)
		c.variables(create)
		c.secrets(create)
		c.served(create)
	}
	c.resource = "function " + s.Function
	if s.Image == "" && c.reads(unread, "the function", s.Function, functionsViewer, create...) {
		c.built(create)
	}
}

// linked is how the version stands in the flags of the build.
const linked = "build.linked="

// built compares what the platform has built.
func (c *comparison) built(fix []string) {
	f := &c.deployed
	c.compare("state", f.State, "ACTIVE", fix...)
	for _, message := range f.StateMessages {
		c.info("message", message.Message)
	}
	c.info("deployed at", f.UpdateTime)
	if _, version, ok := strings.Cut(f.BuildConfig.EnvironmentVariables["GOOGLE_GOLDFLAGS"], linked); ok {
		c.info("version", version)
	}
	if source := f.BuildConfig.Source.StorageSource; source.Bucket != "" {
		c.info("source", fmt.Sprintf("gs://%s/%s#%d", source.Bucket, source.Object, source.Generation))
	}
	is := map[string]string{"runtime": f.BuildConfig.Runtime, "entry-point": f.BuildConfig.EntryPoint}
	for _, v := range c.plan.Function.Values {
		if deployed, ok := is[v.Name]; ok {
			c.compare(v.Name, deployed, v.Value, fix...)
		}
	}
}

// ingresses are the words of the two commands that deploy for who may reach a service.
var ingresses = map[string][]string{
	"INGRESS_TRAFFIC_ALL":                    {"all"},
	"INGRESS_TRAFFIC_INTERNAL_ONLY":          {"internal", "internal-only"},
	"INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER": {"internal-and-cloud-load-balancing", "internal-and-gclb"},
}

// revision compares which revision is ready and which serves.
func (c *comparison) revision(fix []string) {
	s := &c.service
	c.info("revision", path.Base(s.LatestCreatedRevision))
	c.info("updated at", s.UpdateTime)
	if s.LatestReadyRevision != s.LatestCreatedRevision {
		c.add("ready", "no: "+s.TerminalCondition.Message, "yes", Differs, fix...)
	}
	c.traffic()
}

// served compares how the service runs.
func (c *comparison) served(fix []string) {
	s, t := &c.service, &c.service.Template
	is := map[string]string{
		"service-account": t.ServiceAccount, "timeout": t.Timeout, "concurrency": strconv.Itoa(t.MaxInstanceRequestConcurrency),
		"min-instances": strconv.Itoa(t.Scaling.MinInstanceCount), "max-instances": strconv.Itoa(t.Scaling.MaxInstanceCount),
		"cpu": "", "memory": "", "image": "", "ingress": s.Ingress, "ingress-settings": s.Ingress,
	}
	if len(t.Containers) > 0 {
		limits := t.Containers[0].Resources.Limits
		is["image"], is["cpu"], is["memory"] = t.Containers[0].Image, limits["cpu"], limits["memory"]
	}
	for _, v := range c.plan.Function.Values {
		deployed, ok := is[v.Name]
		switch {
		case !ok:
		case slices.Contains(ingresses[deployed], v.Value):
			c.compare(v.Name, v.Value, v.Value)
		case v.Name == "cpu" || v.Name == "memory":
			c.judge(v.Name, deployed, v.Value, amount(deployed) == amount(v.Value), fix...)
		default:
			c.compare(v.Name, deployed, v.Value, fix...)
		}
	}
}

// traffic compares which revisions serve: a deployment does not change that where
// somebody has led the requests to an earlier one.
func (c *comparison) traffic() {
	const latest = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
	var parts []string
	same := false
	for _, t := range c.service.TrafficStatuses {
		name := t.Revision
		if t.Type == latest {
			name = "the latest revision"
		}
		if t.Percent > 0 {
			parts = append(parts, fmt.Sprintf("%d%% %s", t.Percent, name))
		}
		same = same || t.Type == latest && t.Percent == 100
	}
	c.judge("traffic", strings.Join(parts, ", "), "100% the latest revision", same, c.plan.ServeLatest().String())
}

// amount is a quantity of CPU or memory in its smallest unit, such as 512Mi, 0.5Gi,
// 1000m or 1; the text itself where it is none:
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
func amount(text string) string {
	units := map[string]float64{"": 1000, "m": 1, "k": 1e6, "M": 1e9, "G": 1e12, "Ki": 1000 << 10, "Mi": 1000 << 20, "Gi": 1000 << 30}
	digits := strings.TrimRight(text, "mkMGKi")
	n, err := strconv.ParseFloat(digits, 64)
	unit, known := units[text[len(digits):]]
	if err != nil || !known {
		return text
	}
	return strconv.FormatFloat(n*unit, 'f', 0, 64)
}

// variables compares the settings. Those of the platform are left out.
func (c *comparison) variables(fix []string) {
	deployed, secrets := c.service.Variables(), c.service.Secrets()
	planned := map[string]bool{}
	for _, v := range c.plan.Function.Secrets {
		planned[v.Name] = true
	}
	for _, v := range c.plan.Function.Variables {
		planned[v.Name] = true
		value, set := deployed[v.Name]
		text, isText := c.Texts[v.Name]
		switch {
		case isText:
			c.routes(v.Name, value, text, fix)
		case !set && secrets[v.Name] != "":
			c.add(v.Name, "the secret "+secrets[v.Name], v.Value, Differs, fix...)
		default:
			c.compare(v.Name, value, v.Value, fix...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(deployed)) {
		if !planned[name] && c.operators(name) {
			c.add(name, "set", "", Unplanned, fix...)
		}
	}
}

// operators reports whether an operator has set a variable. A function has others from
// the platform.
func (c *comparison) operators(name string) bool {
	_, ofFunction := c.deployed.ServiceConfig.EnvironmentVariables[name]
	return name != "LOG_EXECUTION_ID" && (c.plan.Settings.Image != "" || ofFunction ||
		strings.HasPrefix(name, "AIRFLOW_") || strings.HasPrefix(name, "DAGTRIGGER_"))
}

// secrets compares which secrets the function gets. Where a value stands in place of a
// secret it is not shown.
func (c *comparison) secrets(fix []string) {
	deployed, values := c.service.Secrets(), c.service.Variables()
	planned := map[string]bool{}
	for _, v := range c.plan.Function.Variables {
		planned[v.Name] = true
	}
	for _, v := range c.plan.Function.Secrets {
		planned[v.Name] = true
		is := deployed[v.Name]
		if _, plain := values[v.Name]; plain {
			is = "a value that everybody can read who may look at the function"
		}
		c.compare("secret "+v.Name, is, v.Value, fix...)
	}
	if len(c.plan.Function.Secrets) == 0 { // --set-secrets removes others only where there are some
		fix = c.clearSecrets()
	}
	for _, name := range slices.Sorted(maps.Keys(deployed)) {
		if !planned[name] {
			c.compare("secret "+name, deployed[name], "", fix...)
		}
	}
}

// clearSecrets are the commands that deploy without any secret.
func (c *comparison) clearSecrets() []string {
	steps := c.plan.Deploy()
	last := &steps[len(steps)-1]
	last.Do = append(slices.Clone(last.Do), "--clear-secrets")
	return c.shell(steps...)
}

// routes compares the text of a routes file with the one that is deployed, by the
// digest that dead letters and log lines name. The shell takes the line ends off the
// end of a file.
func (c *comparison) routes(variable, deployed, local string, fix []string) {
	s := c.plan.Settings
	what, file := "routes", s.Routes
	if variable != "DAGTRIGGER_CONFIG" {
		what, file = "shadow file", s.Shadow
	}
	local = strings.TrimRight(local, "\n")
	switch {
	case deployed == "":
		c.add(what, "", digest(local), Missing, fix...)
	case strings.TrimRight(deployed, "\n") == local:
		c.compare(what, digest(deployed), digest(deployed))
	case !strings.Contains(deployed, "\n") && !strings.Contains(deployed, "routes:"): // a path, by the rule of [config.Read]
		c.add(what, "the file "+deployed+" in what was built", digest(local), Differs, fix...)
	default:
		const saved = "deployed.yaml"
		look := []string{c.plan.ShowVariable(variable).String() + " > " + saved,
			deployment.Command{"dagtrigger", "check", file, "--against", saved}.String()}
		c.add(what, digest(deployed), digest(local), Differs, append(look, fix...)...)
	}
}

// digest is the beginning of a text's SHA-256, which the function names with its
// routes.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])[:12]
}
