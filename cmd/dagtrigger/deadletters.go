// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/build"
	"example.com/dagtrigger/internal/clock"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/identity"
)

const deadLettersHelp = `Manage dead letters: events that failed permanently, which the function has stored. List
them, show one, replay them when the cause is fixed, or drop them.

A dead letter is one event that failed for one route: the event, byte for byte, and the
reason. Its name is the id of the run that was not created. Further failures of the same
event are counted in its record, except in a topic.

The stores are those of --store, or else of the settings, as the function reads them:
DEAD_LETTER, and every dead_letter in the routes file. To read from a topic, name a pull
subscription to it with --subscription. Requests are made with your account.`

const deadLettersExample = `  dagtrigger dead-letters list --store gs://acme-dead-letters/dagtrigger --since 24h
  dagtrigger dead-letters show dagtrigger__sales__30db3192e426dc5bce4e
  dagtrigger dead-letters replay --route sales
  dagtrigger dead-letters drop --reason 'no such param' --until 2026-11-01`

func (p *program) deadLetters() *cobra.Command {
	s := &storeFlags{}
	cmd := &cobra.Command{
		Use:         "dead-letters",
		Short:       "List, show, replay or drop events that failed permanently",
		Long:        deadLettersHelp,
		Example:     deadLettersExample,
		GroupID:     groupDeployed,
		Args:        unknownCommand,
		RunE:        func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Annotations: exits("done", "it failed, or not all was done"),
	}
	s.register(cmd.PersistentFlags())
	cmd.AddCommand(p.deadLettersList(s), p.deadLettersShow(s), p.deadLettersReplay(s), p.deadLettersDrop(s))
	return cmd
}

// storeFlags name the stores.
type storeFlags struct {
	store        string
	subscription string
	config       string
	idle         time.Duration
}

func (s *storeFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&s.store, "store", "", "the `ADDRESS` of the store: pubsub://…, gs://… or file:///… (default: those in the settings)")
	flags.StringVar(&s.subscription, "subscription", "", "the pull `SUBSCRIPTION` to a topic: a name, or projects/P/subscriptions/S")
	spanFlag(flags, &s.idle, "idle", deadletter.DefaultIdle, "how long to wait for another message of a subscription, as a `DURATION`")
	configFlag(flags, &s.config, "DAGTRIGGER_CONFIG or DAG_ID")
}

// filterFlags select dead letters.
type filterFlags struct {
	route, dag, reason string
	since, until       moment
	object             objectFilter
}

func (f *filterFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.route, "route", "", "only those of the `ROUTE`")
	flags.StringVar(&f.dag, "dag", "", "only those of the DAG `ID`")
	flags.Var(&f.object, "object", "only those of the Cloud Storage object: gs://BUCKET/PATTERN, or the `PATTERN` for any bucket")
	flags.StringVar(&f.reason, "reason", "", "only those whose reason contains the `TEXT`")
	flags.Var(&f.since, "since", "only those whose last failure was at the `TIME` or later: 2d (ago), 12h, 2026-11-22 or 2026-11-22T09:30:00Z")
	flags.Var(&f.until, "until", "only those whose last failure was before the `TIME`, written as for --since")
}

func (f *filterFlags) filter(now time.Time, names []string) deadletter.Filter {
	return deadletter.Filter{
		Names: names, Route: f.route, DAGID: f.dag, Reason: f.reason, Since: f.since.at(now), Until: f.until.at(now),
		Event: f.object.filter(),
	}
}

// moment is a flag that takes a time, or how long ago it was.
type moment struct {
	text string
	time time.Time
	ago  time.Duration
}

func (m *moment) Type() string   { return "TIME" }
func (m *moment) String() string { return m.text }

func (m *moment) Set(s string) (err error) {
	m.text = s
	if m.ago, err = clock.ParseDuration(s); err == nil && m.ago > 0 {
		return nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if m.time, err = time.Parse(layout, s); err == nil {
			return nil
		}
	}
	return errors.New("write it as 2d (ago), 12h, 2026-11-22 or 2026-11-22T09:30:00Z")
}

// at is the time, zero where the flag was left out.
func (m *moment) at(now time.Time) time.Time {
	if m.ago > 0 {
		return now.Add(-m.ago)
	}
	return m.time
}

// stores are the addresses of the stores to read.
func (p *program) stores(s *storeFlags, file *config.File) ([]string, error) {
	if s.store != "" {
		return []string{s.store}, nil
	}
	addresses := []string{strings.TrimSpace(p.getenv("DEAD_LETTER"))}
	if file != nil {
		addresses = append(addresses, file.DeadLetter)
		for i := range file.Routes {
			addresses = append(addresses, file.Routes[i].DeadLetter.Value)
		}
	}
	slices.Sort(addresses)
	addresses = slices.DeleteFunc(slices.Compact(addresses), func(a string) bool { return a == "" })
	if len(addresses) == 0 {
		return nil, &hintedError{errors.New("no dead-letter store is configured"), "name it with --store, or set DEAD_LETTER as for the function"}
	}
	return addresses, nil
}

// archives are the stores of letters, opened.
type archives []deadletter.Archive

// open opens the stores that the flags or the settings name.
func (p *program) open(s *storeFlags) (all archives, names []string, err error) {
	var file *config.File
	if s.store == "" {
		getenv, err := p.settingsWith(s.config)
		if err != nil {
			return nil, nil, err
		}
		if file, err = config.FileFromEnv(getenv); err != nil {
			return nil, nil, fmt.Errorf("invalid routes:\n%w", err)
		}
	}
	return p.openStores(s, file)
}

// openStores opens the store that the flags name, or those of the settings.
func (p *program) openStores(s *storeFlags, file *config.File) (all archives, names []string, err error) {
	names, err = p.stores(s, file)
	if err != nil {
		return nil, nil, err
	}
	options := deadletter.Options{
		Transport: newTransport(), UserAgent: build.Read().UserAgent(), Idle: s.idle,
		StorageEmulator: p.getenv(storageVariable), PubSubEmulator: p.getenv("PUBSUB_EMULATOR_HOST"),
	}
	options.Google = identity.NewGoogle(&identity.ADC{Transport: options.Transport}).Client
	for _, name := range names {
		options.Subscription = s.subscription
		if len(names) > 1 && !strings.HasPrefix(name, "pubsub:") {
			options.Subscription = ""
		}
		archive, err := deadletter.OpenArchive(name, options)
		if bad, ok := errors.AsType[*deadletter.AddressError](err); ok {
			return nil, nil, &usageError{text: bad.What, hint: bad.Fix}
		}
		if err != nil {
			return nil, nil, err
		}
		all = append(all, archive)
	}
	return all, names, nil
}

// newTransport is a transport to Google with a time-out.
func newTransport() *http.Transport {
	t := airflow.NewTransport(16)
	t.ResponseHeaderTimeout = time.Minute
	return t
}

// stored is a letter and where it can be removed.
type stored struct {
	deadletter.Letter
	archive deadletter.Archive
}

// list yields the letters of all stores. See [deadletter.Archive].
func (all archives) list(ctx context.Context, f deadletter.Filter) iter.Seq2[stored, error] {
	return func(yield func(stored, error) bool) {
		for _, archive := range all {
			for l, err := range archive.List(ctx, f) {
				if !yield(stored{l, archive}, err) || err != nil && !isUnreadable(err) {
					return
				}
			}
		}
	}
}

// closeTime bounds the release of messages at the end.
const closeTime = 30 * time.Second

// close releases the messages of a subscription, also after ctx has ended.
func (all archives) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	var err error
	for _, archive := range all {
		err = errors.Join(err, archive.Close(ctx))
	}
	return err
}

// isUnreadable reports whether err is about a single record.
func isUnreadable(err error) bool {
	_, ok := errors.AsType[*deadletter.UnreadableError](err)
	return ok
}

// missing is the error about the first name without a dead letter.
func missing(names []string, found map[string]bool) error {
	for _, name := range names {
		if !found[name] {
			return &hintedError{fmt.Errorf("there is no selected dead letter named %s", name), "list them to see the names"}
		}
	}
	return nil
}
