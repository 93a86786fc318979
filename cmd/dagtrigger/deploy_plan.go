// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/clock"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/identity"
	"example.com/dagtrigger/internal/operator/deployment"
	"example.com/dagtrigger/internal/plainjson"
)

const deployPlanHelp = `Print what must exist in Google Cloud for a routes file: one function, a trigger for each
bucket, topic or event type that a route names, two service accounts with the fewest
roles, the topics for dead letters, and the alerts; each with its reason, and the gcloud
commands in their order. Unknown values are words in capitals to fill in.

With --pull, where no push can reach: a worker pool of Cloud Run that runs "dagtrigger
pull" from --image, in place of the function, and a subscription for each topic, in place
of the triggers. Routes for objects need topic:, to which the plan has their buckets
publish. What Eventarc pushes or Cloud Scheduler calls cannot be pulled, and is an error.
"deploy status" and the Terraform module know the function alone.

  --format text       all of that (the default)
  --format commands   the commands alone, to paste
  --format script     deploy.sh: the commands as a script with --dry-run, which creates
                      what is missing and is safe to run again
  --format undo       undeploy.sh: a script that removes what deploy.sh has created,
                      and nothing else
  --format json       what must exist, as JSON

A trigger watches one bucket, one topic, or the events of one type whose attributes are
those of the route: for audit logs serviceName and methodName, for Firestore database and
document; see deploy/sources.md. A type of another provider needs the --event-channel that
takes its events. A route for a job of Cloud Scheduler needs the job's --schedule.

Where a route has a pattern or matches any bucket or topic, list the existing ones with
--bucket and --topic: those that match are planned, and a route with complete may list
their files. A route for objects that names a topic gets the topic, and its buckets'
notifications there, unless --topic says that the topic exists: then it has them already.
A route by subscription needs your push subscription, which the plan points at the
function. --elsewhere names a route whose events something else sends. --shadow names a
routes file to try beside the other, which gets its events as well. A route that would get
no events, or could not list its files, is an error, and no command is printed.`

// The formats of a plan.
var planFormats = map[string]func(*deployment.Plan) string{
	"text":     (*deployment.Plan).Text,
	"commands": (*deployment.Plan).Commands,
	"script":   (*deployment.Plan).Script,
	"undo":     (*deployment.Plan).UndoScript,
}

type deployFlags struct {
	settings deployment.Settings
	config   string
	shadow   string
	composer string
	format   string
	json     bool
}

func (p *program) deployPlan() *cobra.Command {
	d := deployFlags{format: "text"}
	cmd := &cobra.Command{
		Use:   "plan [FILE]",
		Short: "Print what must exist for a routes file, why, and the commands",
		Long:  deployPlanHelp,
		Example: `  dagtrigger deploy plan routes.yaml
  dagtrigger deploy plan routes.yaml --project acme-prod --region europe-west1 \
    --composer projects/acme-prod/locations/europe-west1/environments/prod
  dagtrigger deploy plan routes.yaml --format script > deploy.sh
  dagtrigger deploy plan routes.yaml --bucket acme-landing-eu --bucket acme-landing-us
  dagtrigger deploy plan routes.yaml --pull --format script \
    --image europe-west1-docker.pkg.dev/acme-prod/images/dagtrigger:v1.2.3 > deploy.sh
  dagtrigger deploy plan routes.yaml --set AIRFLOW_URL=https://airflow.example.com \
    --set AIRFLOW_AUTH=bearer --secret AIRFLOW_TOKEN=airflow-token`,
		Args:        takesFile(&d.config),
		Annotations: exits("it was printed", "the file has an error, or a route would get no events or could not list its files"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := atMostOne(cmd, "json", "format"); err != nil {
				return err
			}
			return p.runDeployPlan(cmd, d)
		},
	}
	d.define(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&d.settings.Pull, "pull", false, "plan a worker pool that pulls from Pub/Sub, in place of the function and its triggers")
	flags.Var(&choice{&d.format, planWords()}, "format", "the output format")
	jsonFlag(flags, &d.json, "JSON, as --format json does")
	completes(cmd, "format", planWords())
	return cmd
}

// define adds the flags that say what is planned.
func (d *deployFlags) define(cmd *cobra.Command) {
	s := &d.settings
	flags := cmd.Flags()
	configFlag(flags, &d.config, config.FileVariable)
	flags.StringVar(&d.shadow, "shadow", "", "a routes `FILE` to try beside the routes: it gets its events, and no right on Airflow")
	flags.StringVar(&s.Project, "project", "", "the Google Cloud `PROJECT` to deploy to")
	flags.StringVar(&s.Region, "region", "", "the `REGION` of the function, preferably that of Airflow")
	flags.StringVar(&d.composer, "composer", "", "the `ENVIRONMENT`, projects/P/locations/L/environments/E, where the file has none")
	flags.StringVar(&s.Function, "function", deployment.DefaultFunction, "the function's `NAME`, the prefix of all other names")
	flags.StringVar(&s.Runtime, "runtime-account", "", "the `EMAIL` of the service account that the function runs as (default: a new one)")
	flags.StringVar(&s.Invoker, "invoker-account", "", "the `EMAIL` of the service account that delivers events (default: a new one)")
	flags.StringVar(&s.Image, "image", "", "a container `IMAGE` of the function, to deploy on Cloud Run (default: the "+
		"platform builds the source)")
	flags.StringArrayVar(&s.Buckets, "bucket", nil, "an existing `BUCKET`, for routes with a pattern; may be repeated")
	flags.StringArrayVar(&s.Topics, "topic", nil, "an existing `TOPIC`; may be repeated")
	flags.Var(&pairs{&s.Locations}, "bucket-location", "the location of a bucket (default: looked up); may be repeated")
	flags.Var(&pairs{&s.TypeLocations}, "type-location", "the location of the triggers for an event type; may be repeated")
	flags.Var(&pairs{&s.Channels}, "event-channel", "an event type of another provider, and its Eventarc channel; may be repeated")
	flags.Var(&pairs{&s.Schedules}, "schedule", "a job of Cloud Scheduler, and its schedule in cron's format; may be repeated")
	flags.StringVar(&s.TimeZone, "time-zone", deployment.DefaultTimeZone, "the `ZONE` of the schedules")
	flags.Var(&pairs{&s.Variables}, "set", "another setting of the function, see \"dagtrigger help settings\"; may be repeated")
	flags.Var(&pairs{&s.Secrets}, "secret", "a setting or the path of a file, and its secret in Secret Manager; may be repeated")
	flags.StringArrayVar(&s.Elsewhere, "elsewhere", nil, "a `ROUTE` whose events something else sends; may be repeated")
	flags.StringVar(&s.Channel, "channel", "", "the notification `CHANNEL` of the alerts")
}

func planWords() []string { return []string{"text", "commands", "script", "undo", "json"} }

func (p *program) runDeployPlan(cmd *cobra.Command, d deployFlags) error {
	if d.json {
		d.format = "json"
	}
	plan, err := p.plan(cmd, &d)
	if err != nil {
		return err
	}
	switch {
	case d.format == "json":
		err = plainjson.Encode(p.stdout, &plan)
	case d.format == "text" || len(plan.Gaps) == 0:
		_, err = io.WriteString(p.stdout, planFormats[d.format](&plan))
	}
	if err != nil {
		return err
	}
	return gaps(&plan)
}

// gaps is the error of a plan that must not be carried out; nil for any other.
func gaps(plan *deployment.Plan) error {
	if len(plan.Gaps) == 0 {
		return nil
	}
	lines := make([]string, len(plan.Gaps))
	for i, gap := range plan.Gaps {
		lines[i] = gap.String()
	}
	return fmt.Errorf("some routes would get no events, or could not list their files:\n%s", strings.Join(lines, "\n"))
}

// plan makes the plan, and sets the path of the routes file.
func (p *program) plan(cmd *cobra.Command, d *deployFlags) (deployment.Plan, error) {
	none := deployment.Plan{}
	path, err := p.planFile(cmd, d.config)
	if err != nil {
		return none, err
	}
	d.config = path
	file, err := p.routesFile(path)
	if err != nil {
		return none, err
	}
	for _, warning := range file.Warnings() {
		warning.What = "warning: " + warning.What
		_, _ = fmt.Fprintln(p.prose(p.stderr), warning)
	}
	s, err := planned(*d, file)
	if err != nil {
		return none, usage(cmd, "%s", err.Error())
	}
	for _, name := range config.SecretVariables() {
		if s.Variables[name] != "" {
			return none, &hintedError{
				fmt.Errorf("--set %s has a secret, which all who may look at the function could read", name),
				"keep it in Secret Manager, and write --secret " + name + "=SECRET with the secret's name",
			}
		}
	}
	routes := file.Routes
	if d.shadow != "" {
		shadow, err := p.shadowToPlan(d.shadow)
		if err != nil {
			return none, err
		}
		s.Shadow = d.shadow
		routes = slices.Concat(routes, shadow.Routes)
		file.Variables = slices.Concat(file.Variables, shadow.Variables)
	}
	for _, name := range file.Variables {
		if p.getenv(name) != "" && s.Variables[name] == "" && s.Secrets[name] == "" {
			return none, &hintedError{
				fmt.Errorf("the routes were read with the environment variable %s, which the function would not have", name),
				"add --set " + name + "=VALUE, or --secret " + name + "=SECRET with the name of a secret",
			}
		}
	}
	if err := p.fitting(path, file); err != nil {
		return none, err
	}
	return deployment.New(s, routes), nil
}

// shadowToPlan reads a shadow file, whose routes are all shadows.
func (p *program) shadowToPlan(path string) (config.File, error) {
	file, err := p.routesFile(path)
	if err == nil {
		err = p.fitting(path, file)
	}
	for i := range file.Routes {
		file.Routes[i].Shadow = document.Switch{Position: file.Routes[i].Position}
	}
	return file, err
}

// planFile is the path of the routes file to plan for.
func (p *program) planFile(cmd *cobra.Command, path string) (string, error) {
	files, err := p.files(path, nil)
	if err != nil {
		return "", err
	}
	if files[0] == "-" || strings.Contains(files[0], "\n") {
		return "", usage(cmd, "the routes must be in a file, which the deployment reads")
	}
	return files[0], nil
}

// planned are the settings of a plan, from the flags and the file.
func planned(d deployFlags, file config.File) (deployment.Settings, error) {
	s := d.settings
	s.Routes, s.Digest = file.Name, file.Digest
	store := s.Variables["DEAD_LETTER"]
	if store != "" && file.DeadLetter != "" {
		return s, fmt.Errorf("--set DEAD_LETTER is given, and %s has dead_letter: leave one of the two out", file.Name)
	}
	if _, err := deadletter.ParseAddress(store); store != "" && err != nil {
		return s, fmt.Errorf("--set DEAD_LETTER: %w", err)
	}
	s.DeadLetter, s.GiveUpAfter = store+file.DeadLetter != "", s.Variables["GIVE_UP_AFTER"] != "" || file.GiveUpAfter != 0
	s.Stores = stores(file)
	if store != "" {
		s.Stores = append(s.Stores, store)
	}
	s.Composer, s.Connected = connected(file, s)
	s.Outboxes = outboxes(file, s)
	// The function itself rejects an invalid duration at its start.
	s.Call, _ = clock.ParseDuration(s.Variables[config.Variable(environment.FieldTimeout)])
	s.Proxied = s.Variables[config.Variable(environment.FieldAuth)] == identity.KindIAP
	for _, spec := range file.Environments {
		s.Proxied = s.Proxied || spec.Auth == identity.KindIAP
		s.Call = max(s.Call, spec.Timeout)
	}
	if d.composer != "" && s.Connected {
		return s, fmt.Errorf("--composer is given, and %s or --set says already where Airflow is", file.Name)
	}
	if d.composer != "" {
		s.Composer = []string{d.composer}
	}
	return s, s.Check()
}

// outboxes are the topics that the file and --set name for runs.
func outboxes(file config.File, s deployment.Settings) (topics []string) {
	for _, spec := range file.Environments {
		topics = append(topics, spec.Outbox)
	}
	topics = append(topics, s.Variables[config.Variable(environment.FieldOutbox)])
	slices.Sort(topics)
	return slices.DeleteFunc(slices.Compact(topics), func(topic string) bool { return topic == "" })
}

// stores are the addresses of dead letters in a file.
func stores(file config.File) (addresses []string) {
	if file.DeadLetter != "" {
		addresses = append(addresses, file.DeadLetter)
	}
	for i := range file.Routes {
		if own := file.Routes[i].DeadLetter.Value; own != "" && file.Routes[i].IsLive() {
			addresses = append(addresses, own)
		}
	}
	return addresses
}

// fitting checks that the file can be a setting of the function, which all who
// may look at the function can read.
func (p *program) fitting(path string, file config.File) error {
	text, err := p.read("@" + path)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(file.Environments)) {
		if spec := file.Environments[name]; spec.HasSecret() {
			return &hintedError{
				fmt.Errorf("the environment %s has a secret in %s, and the routes are a setting of the function, which many may read", name, path),
				"write it as a file there (password_file, token_file, oauth2_client_secret_file, headers_file), and give --secret with its path " +
					"and a secret of Secret Manager",
			}
		}
	}
	return deployment.CheckRoutes(string(text))
}

// connected is where Airflow is: the environments of Composer that the file
// declares, and whether it or --set says so at all.
func connected(file config.File, s deployment.Settings) (composer []string, known bool) {
	for _, spec := range file.Environments {
		if spec.Composer != "" {
			composer = append(composer, spec.Composer)
		}
	}
	slices.Sort(composer)
	for _, name := range connection() {
		if s.Variables[name] != "" || s.Secrets[name] != "" {
			known = true
		}
	}
	if name := s.Variables[config.Variable(environment.FieldComposer)]; name != "" {
		composer = append(composer, name)
	}
	return slices.Compact(composer), known || file.Environments != nil
}
