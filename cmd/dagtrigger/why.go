// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/example"
	"example.com/dagtrigger/internal/operator/outcomelog"
	"example.com/dagtrigger/internal/operator/replay/uploads"
	"example.com/dagtrigger/internal/operator/why"
	"example.com/dagtrigger/internal/plainjson"
)

// loggingVariable names the Cloud Logging that is used in place of Google's.
const loggingVariable = "LOGGING_EMULATOR_HOST"

const whyHelp = `Answer whether an event started its runs, and why not. It only reads: the bucket, the
routes, Airflow, the dead letters and the function's log. For each route it ends in one
sentence and the next step:

  started    the run exists: when it started, and its state now
  held       the DAG is paused, or other runs of it have to end first
  given_up   the event is a dead letter: its name, and the command that replays it
  missing    the route matches and there is no run: the delivery that failed, and why
  removed    the run was started, and Airflow no longer has it
  unmatched  the route does not match: the first thing that did not
  unknown    what is needed could not be read

The event is one of these:

  gs://BUCKET/OBJECT[#GENERATION]  an upload: its newest generation, or that of --at
  FILE                             a JSON file with an event, as for "dagtrigger explain";
                                   - is standard input
  RUN_ID                           a DAG run's id
  MESSAGE_ID                       the id of a Pub/Sub message, or of any event

An id is looked up in the log and the dead letters, and a run id in Airflow as well.

The log is read from Cloud Logging with --project (the role roles/logging.viewer), or
from a FILE with --log: lines of JSON, or what "gcloud logging read --format=json" prints.
Where it cannot be read, the command that reads it is printed. LOGGING_EMULATOR_HOST names
another Cloud Logging. A dead-letter topic is not searched: reading it would deliver its
messages.

Each line of the log has the digest of the routes file that decided. The event is judged
by that file: give older versions with further --config flags, or in a folder.`

type whyFlags struct {
	configs          []string
	at               moment
	project, service string
	log              string
	json             bool
}

func (p *program) why() *cobra.Command {
	var f whyFlags
	cmd := &cobra.Command{
		Use:     "why EVENT",
		Short:   "Answer whether an event started its runs, and why not",
		Long:    whyHelp,
		GroupID: groupDeployed,
		Example: `  dagtrigger why gs://acme-landing/sales/eu/2026-11-22/a.csv -f routes.yaml --project acme-prod
  dagtrigger why gs://acme-landing/sales/eu/2026-11-22/a.csv --at 2026-11-22T09:30:00Z
  dagtrigger why 9834521763442 --project acme-prod --service dagtrigger
  dagtrigger why dagtrigger__sales__30db3192e426dc5bce4e --config routes.yaml --config old/
  dagtrigger why event.json --log events.log --json`,
		Args:        takes("the EVENT"),
		Annotations: exits("each route that matches has its run", "a run is missing or held, no route matches, or it cannot be known"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.runWhy(cmd.Context(), &f, args[0])
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.configs, "config", "f", nil, "the routes `FILE` (default: DAGTRIGGER_CONFIG or DAG_ID); again for an older "+
		"version, or a folder of them")
	flags.Var(&f.at, "at", "the `TIME` when it happened, about: 2d (ago), 12h, 2026-11-22 or 2026-11-22T09:30:00Z")
	flags.StringVar(&f.project, "project", "", "the Google Cloud `PROJECT` whose log is read (default: GOOGLE_CLOUD_PROJECT)")
	flags.StringVar(&f.service, "service", "", "read the log of this Cloud Run `SERVICE` alone (default: K_SERVICE)")
	flags.StringVar(&f.log, "log", "", "read the log in this `FILE` in place of Cloud Logging")
	jsonFlag(flags, &f.json, "the answer as one JSON object")
	return cmd
}

func (p *program) runWhy(ctx context.Context, f *whyFlags, about string) error {
	question, err := p.question(ctx, about)
	if err != nil {
		return err
	}
	current, older := "", slices.Clone(f.configs)
	if i := slices.IndexFunc(older, func(path string) bool { return !isFolder(path) }); i >= 0 {
		current = older[i]
		older = slices.Delete(older, i, i+1)
	}
	getenv, err := p.settingsWith(current)
	if err != nil {
		return err
	}
	c, err := config.FromEnv(getenv)
	switch {
	case err != nil && current == "" && len(older) > 0:
		return &hintedError{fmt.Errorf("invalid settings:\n%w", err),
			"a folder has older routes: name the file of the current ones with --config, too"}
	case err != nil:
		return &hintedError{fmt.Errorf("invalid settings:\n%w", err), `"dagtrigger help settings" lists them all`}
	}
	if f.log != "" {
		if _, err := os.Stat(f.log); err != nil {
			return &hintedError{fmt.Errorf("reading the log: %w", err), "name a file: it is read more than once, and so cannot be standard input"}
		}
	}
	question.At = f.at.at(p.now())
	s := p.whySources(f, &c)
	if current != "" {
		s.Flags = " --config " + shellWord(current)
	}
	if s.Older, err = olderRoutes(older); err != nil {
		return err
	}
	notes, err := p.whyLetters(s, &c)
	if err != nil {
		return err
	}
	answer, err := s.Find(ctx, question)
	if err != nil {
		return err
	}
	answer.Notes = append(answer.Notes, notes...)
	if f.json {
		err = plainjson.Encode(p.stdout, answer)
	} else {
		_, err = io.WriteString(p.prose(p.stdout), whyText(p.painter(p.stdout), answer))
	}
	if err == nil && !answer.OK() {
		return errReported
	}
	return err
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// objectAddress matches gs://BUCKET/OBJECT, the generation behind the last #.
var objectAddress = regexp.MustCompile(`^gs://([^/]+)/(.+?)(?:#([0-9]+))?$`)

// isPath matches what can only be meant as a file's path: an id may have a / as well, such
// as projects/acme/logs/cloudaudit.googleapis.com%2Factivity1 of an audit log's event.
var isPath = regexp.MustCompile(`^[./~]|\\|\.json$`)

// question is what the argument is about.
func (p *program) question(ctx context.Context, about string) (why.Question, error) {
	if about == "" {
		return why.Question{}, &usageError{text: "the EVENT is empty", hint: "name an object, a file or an id"}
	}
	if strings.HasPrefix(about, "gs://") {
		parts := objectAddress.FindStringSubmatch(about)
		if parts == nil {
			return why.Question{}, &usageError{text: fmt.Sprintf("%q is not the URL of an object", about), hint: "write it as gs://BUCKET/OBJECT"}
		}
		return why.Question{Bucket: parts[1], Object: parts[2], Generation: parts[3]}, nil
	}
	if _, err := os.Stat(about); err != nil && about != "-" {
		if isPath.MatchString(about) {
			return why.Question{}, &hintedError{err, "is the path right? - stands for the standard input"}
		}
		return why.Question{ID: about}, nil
	}
	made, err := p.makeFile(&eventFlags{}, about)
	if err != nil {
		return why.Question{}, err
	}
	request, err := envelope(made, 0, "")
	if err != nil {
		return why.Question{}, err
	}
	ev, err := example.ReceiveOne(ctx, request)
	if ev == nil {
		return why.Question{}, fmt.Errorf("reading the event: %w", err)
	}
	return why.Question{Event: ev}, nil // without valid data it was delivered all the same
}

// whySources are the sources that the flags and the settings name.
func (p *program) whySources(f *whyFlags, c *config.Config) *why.Sources {
	s := &why.Sources{
		Current: why.Routes{Name: "DAG_ID", Digest: c.Digest(), Table: c.Table},
		Bucket: func(name string) uploads.Bucket {
			b := uploads.Bucket{Name: name}
			connect(&b, c.StorageEmulator)
			return b
		},
		Airflow: whyAirflow(c),
		Quote:   shellWord,
		Now:     p.now(),
	}
	if c.File != nil {
		s.Current.Name = c.File.Name
	}
	routes, _ := routed(*c)
	for _, r := range routes {
		for _, id := range r.DAGs {
			if dag := (why.DAG{Environment: r.Environment, ID: id}); !slices.Contains(s.DAGs, dag) {
				s.DAGs = append(s.DAGs, dag)
			}
		}
	}
	cloud := p.cloudLogging(cmp.Or(f.project, c.Project))
	service := cmp.Or(f.service, c.Service)
	s.Deployed = "--project " + cmp.Or(cloud.Project, "PROJECT") + " --service " + cmp.Or(service, "SERVICE")
	s.LogCommand = func(filter outcomelog.Filter) string {
		filter.Service = service
		return cloud.Command(filter)
	}
	s.ReadLog = func(ctx context.Context, filter outcomelog.Filter, yield func(*outcomelog.Line)) error {
		filter.Service = service
		if f.log != "" {
			return p.readLogFile(f.log, yield)
		}
		return readCloudLog(ctx, cloud, filter, yield)
	}
	return s
}

// readCloudLog reads the newest lines.
func readCloudLog(ctx context.Context, cloud *outcomelog.Cloud, filter outcomelog.Filter, yield func(*outcomelog.Line)) error {
	if cloud.Project == "" {
		return errors.New("the log was not read: name the function's project with --project, or a file with --log")
	}
	more, err := cloud.Read(ctx, outcomelog.Query{Filter: filter, Newest: true}, func(l *outcomelog.Line) bool {
		yield(l)
		return true
	})
	if err == nil && more {
		return errors.New("the log has more lines about it: the older ones were not read")
	}
	return err
}

// readLogFile reads the log in a file. It may be read twice, so that it is not the
// standard input.
func (p *program) readLogFile(path string, yield func(*outcomelog.Line)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	skipped, err := outcomelog.Read(file, yield)
	if hinted, ok := errors.AsType[*hintedError](logEnded(path, skipped, err)); ok { // a note has no hint
		return fmt.Errorf("%w: %s", hinted.error, hinted.hint)
	}
	return logEnded(path, skipped, err)
}

// whyAirflow connects to each environment once.
func whyAirflow(c *config.Config) func(context.Context, string) (*airflow.Client, error) {
	environments := newEnvironments(c.Environments)
	return func(ctx context.Context, name string) (*airflow.Client, error) {
		env, err := environments.get(name)
		if err != nil {
			return nil, err
		}
		return env.Client(ctx)
	}
}

// whyLetters opens the stores of dead letters that can be read without a trace.
func (p *program) whyLetters(s *why.Sources, c *config.Config) (notes []string, err error) {
	names, err := p.stores(&storeFlags{}, c.File)
	if err != nil {
		return []string{"no dead-letter store is configured"}, nil //nolint:nilerr // an event can do without
	}
	for _, name := range names {
		if strings.HasPrefix(name, "pubsub:") {
			notes = append(notes, "the dead letters in "+name+" were not searched: dagtrigger dead-letters list --store "+shellWord(name)+
				" --subscription SUBSCRIPTION")
			continue
		}
		archives, _, err := p.openStores(&storeFlags{store: name}, nil)
		if err != nil {
			return nil, err
		}
		s.Letters = append(s.Letters, why.Store{Name: name, Archive: archives[0]})
	}
	return notes, nil
}

// olderRoutes reads other versions of the routes: files, and folders of them, in which
// anything else is passed over.
func olderRoutes(paths []string) (all []why.Routes, err error) {
	for _, path := range paths {
		if !isFolder(path) {
			file, err := config.Load(path)
			if err != nil {
				return nil, fmt.Errorf("invalid routes:\n%w", err)
			}
			all = append(all, why.Routes{Name: file.Name, Digest: file.Digest, Table: file.Table})
			continue
		}
		for _, form := range []string{"*.yaml", "*.yml"} {
			files, _ := filepath.Glob(filepath.Join(path, form)) // the pattern is valid
			for _, name := range files {
				if file, err := config.Load(name); err == nil {
					all = append(all, why.Routes{Name: name, Digest: file.Digest, Table: file.Table})
				}
			}
		}
	}
	return all, nil
}
