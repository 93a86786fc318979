// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/operator/shadowlog"
	"example.com/dagtrigger/internal/plainjson"
)

const shadowHelp = `Compare what the live routes and the shadows decided, by the function's log: a routes file
in DAGTRIGGER_SHADOW (serve --shadow), or routes with shadow: true. LOG is a JSON array,
as "gcloud logging read --format=json" prints it, or lines of JSON, as the function, an
export or "serve --log-format json" writes them; - is standard input, which is read where
LOG is left out. Lines of anything else are passed over.

Events are paired by their key, so that the order of the log and redeliveries do not
matter: the last decision about an event counts. What is compared is the decision, not
what Airflow made of it: DAG, environment, run id, digest of the conf, and digest of the
logical date, partition key and note.

  same         the live route and the shadow decide the same
  different    not the same, and in what
  only live    no route of the shadow matches the event
  only shadow  no live route matches it
  neither      no route of either matches

The routes of a shadow file are compared with the live routes of the same names; what is
left, with one that starts the same DAG. A route with shadow: true has another name,
and so another run id: it is compared with the live route that decides most like it, but
for the run id.

50,000 events are held at once: one that is delivered again after as many others counts
again. "dagtrigger help settings" and deploy/shadow.md say how to log a shadow.`

func (p *program) shadow() *cobra.Command {
	f := shadowFlags{examples: 3}
	cmd := &cobra.Command{
		Use:     "shadow [LOG]",
		Short:   "Compare what live routes and shadows decided, by a log",
		Long:    shadowHelp,
		GroupID: groupDeployed,
		Example: `  gcloud logging read 'jsonPayload.event_key:* resource.labels.service_name=dagtrigger' \
    --freshness=1d --format=json | dagtrigger shadow -
  dagtrigger serve --local routes.yaml --shadow new.yaml --log-format json 2> events.log
  dagtrigger shadow events.log`,
		Args:        takesAtMost(1),
		Annotations: exits("the shadow decides the same of every event", "it decides otherwise of some, or nothing could be compared"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.examples < 0 || f.examples > maxExamples {
				return usage(cmd, "--examples is out of bounds: use a number up to %d", maxExamples)
			}
			return p.runShadow(f, append(args, "-")[0])
		},
	}
	cmd.Flags().IntVar(&f.examples, "examples", f.examples, "print the first `N` of each kind of difference")
	jsonFlag(cmd.Flags(), &f.json, "the counts and the examples as one JSON object")
	return cmd
}

type shadowFlags struct {
	examples int
	json     bool
}

// maxExamples bounds --examples.
const maxExamples = 1000

func (p *program) runShadow(f shadowFlags, path string) error {
	in, name := p.stdin, "standard input"
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return &hintedError{err, "is the path right? - stands for the standard input"}
		}
		defer file.Close()
		in, name = file, path
	}
	s, err := shadowlog.Compare(in, f.examples)
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	if err := nothingCompared(&s, name); err != nil {
		return err
	}
	if f.json {
		err = plainjson.Encode(p.stdout, &s)
	} else {
		_, err = io.WriteString(p.prose(p.stdout), shadowText(p.painter(p.stdout), &s))
	}
	if err == nil && s.Differs() {
		return errReported
	}
	return err
}

// nothingCompared is the error of a log that has nothing to compare.
func nothingCompared(s *shadowlog.Summary, name string) error {
	const filter = "read the log with the filter jsonPayload.event_key:* and --format=json"
	switch {
	case s.Events > 0:
		return nil
	case s.Lines == 0 && s.Skipped.Text > 0:
		return &hintedError{fmt.Errorf("%s is a log for people", name), "write it as JSON: dagtrigger serve --log-format json"}
	case s.Lines == 0 && s.Skipped.Lines > 0:
		return &hintedError{fmt.Errorf("none of the %s in %s is of an event", plural(s.Skipped.Lines, "line"), name), filter}
	case s.Lines == 0:
		return &hintedError{fmt.Errorf("%s is empty", name), filter}
	case s.Shadows == 0:
		return &hintedError{fmt.Errorf("%s has %s of events, and none of a shadow", name, plural(s.Lines, "line")),
			"give the function a routes file in DAGTRIGGER_SHADOW, or a route shadow: true, and wait for events"}
	case s.Shadows == s.Lines:
		return &hintedError{errors.New(name + " has lines of shadows alone"), filter + ", which has the lines of live routes too"}
	}
	return &hintedError{fmt.Errorf("%s has no event of which both the live routes and the shadow decided", name), filter}
}

// shadowText is a summary for a person.
func shadowText(paint painter, s *shadowlog.Summary) string {
	var b strings.Builder
	for _, d := range s.Examples {
		b.WriteString(exampleText(paint, &d) + "\n")
	}
	count := func(n int, what string, color func(string) string) {
		if n > 0 {
			fmt.Fprintf(&b, "%8d  %s\n", n, color(what))
		}
	}
	count(s.Same, "same", paint.good)
	for _, in := range slices.Sorted(maps.Keys(s.In)) {
		count(s.In[in], "different: "+in, paint.bad)
	}
	count(s.OnlyLive, "only live", paint.bad)
	count(s.OnlyShadow, "only shadow", paint.bad)
	count(s.Neither, "neither", paint.dim)
	count(s.LeftOut, "neither: added up in the log", paint.dim)
	count(s.NotCompared, "not compared: the log has one side alone, or one was not decided", paint.dim)
	count(s.Summed, "not compared: added up in lines of large batches", paint.dim)
	verdict := "the shadow decides the same"
	if s.Differs() {
		verdict = "the shadow decides otherwise"
	}
	fmt.Fprintf(&b, "%s compared: %s\n", plural(s.Events, "event"), verdict)
	if len(s.Files) > 1 {
		b.WriteString("The log has several versions of the shadow file: read it from the last change on (--freshness), to judge that alone.\n")
	}
	for _, file := range s.Files {
		b.WriteString("  shadow file " + visible(file) + "\n")
	}
	return b.String()
}

// exampleText is one difference for a person.
func exampleText(paint painter, d *shadowlog.Difference) string {
	what := strings.ReplaceAll(d.Kind, "_", " ")
	if len(d.In) > 0 {
		what += ": " + strings.Join(d.In, ", ")
	}
	text := paint.bad(what) + "\n  event " + visible(d.EventID) + " of " + visible(d.Source)
	if d.Subject != "" {
		text += ", " + visible(d.Subject)
	}
	side := func(name string, decision *shadowlog.Decision) {
		line := cmp.Or(d.Reason, "no route matched")
		if decision != nil {
			line = decision.String()
		}
		text += "\n  " + name + visible(line)
	}
	side("live:   ", d.Live)
	side("shadow: ", d.Shadow)
	return text + "\n"
}
