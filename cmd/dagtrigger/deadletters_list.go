// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/plainjson"
)

const listHelp = `List dead letters, each with its name, when and how often it failed, its route, DAG and
event with its time, and the reason. "show" also prints the event's data.

--object selects by the Cloud Storage object: gs://BUCKET/OBJECT, also with #GENERATION,
or with the wildcards of a route's patterns: * for any characters but /, ** for any.

The order is not defined: dead letters are printed as they are read, so that a store may
have any size. Files that are not dead letters are reported on standard error. Messages
of a subscription are released at the end.`

func (p *program) deadLettersList(s *storeFlags) *cobra.Command {
	var f filterFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List dead letters",
		Long:  listHelp,
		Example: `  dagtrigger dead-letters list
  dagtrigger dead-letters list --object 'gs://acme-landing/sales/**'
  dagtrigger dead-letters list --route sales --since 24h --json > letters.jsonl
  dagtrigger dead-letters list --store pubsub://projects/acme-prod/topics/dead --subscription dead`,
		Args:        takes(),
		Annotations: exits("all were listed", "some could not be read"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.runList(cmd.Context(), s, f.filter(p.now(), nil), asJSON)
		},
	}
	f.register(cmd.Flags())
	jsonFlag(cmd.Flags(), &asJSON, "one JSON object per dead letter, without the event's data")
	return cmd
}

func (p *program) runList(ctx context.Context, s *storeFlags, f deadletter.Filter, asJSON bool) (err error) {
	all, names, err := p.open(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, all.close(ctx)) }()
	paint := p.painter(p.stdout)
	count, unreadable := 0, 0
	for l, err := range all.list(ctx, f) {
		if isUnreadable(err) {
			unreadable++
			_, err = fmt.Fprintln(p.stderr, visible(err.Error()))
		} else if err == nil {
			count++
			err = p.printLetter(&l.Letter, paint, asJSON)
		}
		if err != nil {
			return err
		}
	}
	if !asJSON {
		_, err = fmt.Fprintf(p.prose(p.stdout), "%s in %s\n", plural(count, "dead letter"), strings.Join(names, ", "))
	}
	if err == nil && unreadable > 0 {
		return errReported
	}
	return err
}

// listed is a dead letter, in JSON.
type listed struct {
	Name        string    `json:"name"`
	Place       string    `json:"place"`
	Route       string    `json:"route"`
	Environment string    `json:"environment"`
	DAGID       string    `json:"dag_id"`
	RunID       string    `json:"dag_run_id"`
	Reason      string    `json:"reason"`
	Attempts    int       `json:"attempts"`
	Time        time.Time `json:"time"`
	FirstTime   time.Time `json:"first_time"`
	EventID     string    `json:"event_id"`
	Source      string    `json:"event_source"`
	Type        string    `json:"event_type"`
	Subject     string    `json:"event_subject"`
	// EventTime is when the event happened, by its own claim; null where it has none.
	EventTime *time.Time `json:"event_time"`
	// Object is gs://BUCKET/OBJECT#GENERATION; empty where the event is not about one.
	Object string `json:"object"`
}

func (p *program) printLetter(l *deadletter.Letter, paint painter, asJSON bool) error {
	object := placeOf(&l.Event)
	if asJSON {
		var at *time.Time
		if !l.Event.Time.IsZero() {
			at = &l.Event.Time
		}
		return plainjson.Encode(p.stdout, listed{
			Name: l.Name(), Place: l.Place, Route: l.Route, Environment: l.Environment, DAGID: l.DAGID, RunID: l.RunID,
			Reason: l.Reason, Attempts: l.Attempts, Time: l.Time, FirstTime: l.FirstTime,
			EventID: l.Event.ID, Source: l.Event.Source, Type: l.Event.Type, Subject: l.Event.Subject,
			EventTime: at, Object: object,
		})
	}
	attempts := ""
	if l.Attempts > 1 {
		attempts = fmt.Sprintf(", %d times since %s", l.Attempts, l.FirstTime.Format(time.RFC3339))
	}
	_, err := fmt.Fprintf(p.prose(p.stdout), "%s\n  %s%s\n  %s\n  %s\n", paint.bold(visible(l.Name())), l.Time.Format(time.RFC3339), attempts,
		visible(letterEvent(l, object)), paint.bad(visible(l.Reason)))
	return err
}

// letterEvent names the route, the DAG and the event of a letter. An object says more than
// the event's source and subject.
func letterEvent(l *deadletter.Letter, object string) string {
	id, source, subject := l.Event.ID, l.Event.Source, l.Event.Subject
	if !l.Event.Time.IsZero() {
		id += " at " + l.Event.Time.UTC().Format(time.RFC3339)
	}
	if object != "" {
		source, subject = "", object
	}
	var which []string
	for _, part := range [][2]string{{"route", l.Route}, {"DAG", l.DAGID}, {"event", id}, {"of", source}, {"", subject}} {
		if part[1] != "" {
			which = append(which, strings.TrimSpace(part[0]+" "+part[1]))
		}
	}
	return strings.Join(which, ", ")
}

const showHelp = `Print a dead letter as it is stored: JSON, last in it the event in CloudEvents' JSON
format. Control and invisible characters are printed as JSON escapes, such as \u202e,
which stand for the same text. "dagtrigger dead-letters list" lists the NAMEs.`

func (p *program) deadLettersShow(s *storeFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Print a dead letter with the event's data",
		Long:  showHelp,
		Example: `  dagtrigger dead-letters show dagtrigger__sales__30db3192e426dc5bce4e
  dagtrigger dead-letters show dagtrigger__sales__30db3192e426dc5bce4e > record.json`,
		Args:        takes("the NAME"),
		Annotations: exits("it was printed", "there is none with this name, or it cannot be read"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.runShow(cmd.Context(), s, args)
		},
	}
}

func (p *program) runShow(ctx context.Context, s *storeFlags, names []string) (err error) {
	all, _, err := p.open(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, all.close(ctx)) }()
	var unreadable error // perhaps it is the one
	for l, err := range all.list(ctx, deadletter.Filter{Names: names}) {
		if isUnreadable(err) {
			unreadable = err
			continue
		}
		if err != nil {
			return err
		}
		body, err := l.Encode()
		if err == nil {
			_, err = p.stdout.Write(body)
		}
		return err
	}
	return cmp.Or(unreadable, missing(names, nil))
}
