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
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/identity"
)

const deadLettersHelp = `Look after the events that failed for good, which the function has stored instead
of losing them: list them, look at one, replay them once the cause is mended, or drop
them.

A record is one event that failed for one route: the event, byte for byte, and why it
started no run. Its name is the id of the run that it should have started. Further
failures of the same event are counted in its record, but in a topic, which can hold
no such count.

Where they are is told by --store, or else by the settings as the function reads
them: DEAD_LETTER, and dead_letter in the file of routes, each store that it names. A
topic gives nothing back: name a pull subscription to it by --subscription. The
account is that of who runs this.`

const deadLettersExample = `  dagtrigger dead-letters list --store gs://acme-dead-letters/dagtrigger --since 24h
  dagtrigger dead-letters show dagtrigger__sales__30db3192e426dc5bce4e
  dagtrigger dead-letters replay --route sales
  dagtrigger dead-letters drop --reason 'no such param' --until 2026-11-01`

func (p *program) deadLetters() *cobra.Command {
	s := &storeFlags{}
	cmd := &cobra.Command{
		Use:         "dead-letters",
		Short:       "List, show, replay or drop events that failed for good",
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

// storeFlags say where the letters are.
type storeFlags struct {
	store        string
	subscription string
	config       string
	idle         time.Duration
}

func (s *storeFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&s.store, "store", "", "the `ADDRESS` of the store: pubsub://…, gs://… or file:///… (default: those that the settings name)")
	flags.StringVar(&s.subscription, "subscription", "", "the pull `SUBSCRIPTION` to a topic: a name, or projects/P/subscriptions/S")
	flags.DurationVar(&s.idle, "idle", deadletter.DefaultIdle, "a subscription without a message for this `DURATION` holds no more")
	s.configFlag(flags)
}

func (s *storeFlags) configFlag(flags *pflag.FlagSet) {
	flags.StringVar(&s.config, "config", "", "the `FILE` of routes (default: what DAGTRIGGER_CONFIG or DAG_ID says)")
}

// filterFlags choose among letters.
type filterFlags struct {
	route, dag, reason string
	since, until       moment
}

func (f *filterFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.route, "route", "", "only those that failed for the `ROUTE`")
	flags.StringVar(&f.dag, "dag", "", "only those of the DAG `ID`")
	flags.StringVar(&f.reason, "reason", "", "only those whose reason has the `TEXT` in it")
	flags.Var(&f.since, "since", "only those that failed last at the `TIME` or later: 48h (ago), 2026-11-22 or 2026-11-22T09:30:00Z")
	flags.Var(&f.until, "until", "only those that failed last before the `TIME`, as --since has it")
}

func (f *filterFlags) filter(now time.Time, names []string) deadletter.Filter {
	return deadletter.Filter{
		Names: names, Route: f.route, DAGID: f.dag, Reason: f.reason, Since: f.since.at(now), Until: f.until.at(now),
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
	if m.ago, err = time.ParseDuration(s); err == nil && m.ago > 0 {
		return nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if m.time, err = time.Parse(layout, s); err == nil {
			return nil
		}
	}
	return errors.New("write it as 48h, for so long ago, as 2026-11-22 or as 2026-11-22T09:30:00Z")
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
		return nil, &hintedError{errors.New("no store of dead letters is named"), "name it by --store, or set DEAD_LETTER as the function has it"}
	}
	return addresses, nil
}

// archives are the stores of letters, opened.
type archives []deadletter.Archive

// open opens the stores that the flags or the settings name.
func (p *program) open(s *storeFlags) (all archives, names []string, err error) {
	var file *config.File
	if s.store == "" {
		if file, err = config.FileFromEnv(withRoutes(s.config, p.getenv)); err != nil {
			return nil, nil, fmt.Errorf("the routes are faulty:\n%w", err)
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
		StorageEmulator: p.getenv("STORAGE_EMULATOR_HOST"), PubSubEmulator: p.getenv("PUBSUB_EMULATOR_HOST"),
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

// newTransport is a transport to Google that does not wait for ever.
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

// closeTime bounds what is given back at the end.
const closeTime = 30 * time.Second

// close gives back what a subscription has lent, also after ctx has ended.
func (all archives) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	var err error
	for _, archive := range all {
		err = errors.Join(err, archive.Close(ctx))
	}
	return err
}

// isUnreadable holds for what tells of one record alone.
func isUnreadable(err error) bool {
	_, ok := errors.AsType[*deadletter.UnreadableError](err)
	return ok
}

// missing are the names that no letter has been found for.
func missing(names []string, found map[string]bool) error {
	for _, name := range names {
		if !found[name] {
			return &hintedError{fmt.Errorf("no dead letter that was chosen has the name %s", name), "list them to see which there are"}
		}
	}
	return nil
}
