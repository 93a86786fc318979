// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/build"
	"example.com/dagtrigger/internal/identity"
	"example.com/dagtrigger/internal/operator/replay/uploads"
	"example.com/dagtrigger/internal/rest"
)

const reconcileHelp = `Start missing runs: list the objects in a bucket, and send each through the function as
if it had just been uploaded. A run that exists counts as a duplicate; a missing one
starts now: of an upload from before the trigger existed or while its retries were off,
or of an event that was dropped. The plan is printed first, and you are asked to
confirm.

With --list nothing is started: each object is listed with whether its runs exist, or why
no route wants it.

The argument is the beginning of the objects' names, or an object: its whole name, with
#GENERATION or without. Where an object has the name, PREFIX* takes all that begin so.

Each object is sent with its real generation and upload time, so its run id is that of
the event that Eventarc or a notification delivered, or would have. Objects that were
overwritten or deleted since are not listed. The conf has an object's current metadata.

All current routes are used, or --route alone; routes and Airflow are those of the
settings, as "dagtrigger serve" reads them. A permanent failure is printed and not
stored: the object is still there, so reconcile again. Ctrl-C finishes the events in
progress.

It is safe to repeat for as long as Airflow keeps the runs: a run is found by its id.
After "airflow db clean", or the retention of Composer's database, it is gone. So
--retention says how long Airflow keeps runs, and an older upload starts a run only where
Airflow still has a run of the DAG that is as old; else it is left, and listed. That
includes uploads from before the DAG had its first run: --start-old starts them. Use
--since, not further back than --retention, where you can.`

type reconcileFlags struct {
	storeFlags
	since, until moment
	route        string
	list         bool
}

func (p *program) reconcile() *cobra.Command {
	var f reconcileFlags
	r := &resend{
		program: p, noun: "upload", doing: "reconciling",
		settled: "whose runs exist", left: "not started", listed: true,
	}
	cmd := &cobra.Command{
		Use:     "reconcile gs://BUCKET/PREFIX",
		Short:   "List or start the missing runs of a bucket's uploads",
		Long:    reconcileHelp,
		GroupID: groupDeployed,
		Example: `  dagtrigger reconcile gs://acme-landing/sales/ --since 2d --config routes.yaml
  dagtrigger reconcile gs://acme-landing/sales/ --since 2d --list
  dagtrigger reconcile gs://acme-landing/sales/eu.csv --list --json
  dagtrigger reconcile gs://acme-landing --since 2026-11-01 --until 2026-11-08 --rate 2 --yes
  dagtrigger reconcile gs://acme-landing/sales/ --route sales-audit   # a route that is new`,
		Args:        takes("gs://BUCKET/PREFIX"),
		Annotations: exits("each upload that a route matches has its runs", "some do not, or it was not confirmed"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.runReconcile(cmd.Context(), r, f, args[0])
		},
	}
	flags := cmd.Flags()
	flags.Var(&f.since, "since", "only uploads at the `TIME` or later: 2d (ago), 12h, 2026-11-22 or 2026-11-22T09:30:00Z")
	flags.Var(&f.until, "until", "only uploads before the `TIME`, written as for --since")
	flags.BoolVar(&f.list, "list", false, "start nothing: list the objects, and whether their runs exist")
	flags.BoolVar(&f.list, "dry-run", false, "the same as --list")
	flags.StringVar(&f.route, "route", "", "send through this `ROUTE` alone (default: all current routes)")
	configFlag(flags, &f.config, "DAGTRIGGER_CONFIG or DAG_ID")
	r.register(flags)
	return cmd
}

func (p *program) runReconcile(ctx context.Context, r *resend, f reconcileFlags, address string) error {
	bucket, err := uploads.Parse(address)
	if err != nil {
		what, fix, _ := strings.Cut(err.Error(), ": ")
		return &usageError{text: what, hint: fix}
	}
	if err := r.check(); err != nil {
		return err
	}
	if r.sender, err = p.sender(f.config); err != nil {
		return err
	}
	if _, err := r.sender.way(f.route); err != nil {
		return err
	}
	connect(&bucket, r.sender.config.StorageEmulator)
	r.from = bucket.String()
	since := f.since.at(p.now())
	if r.beyond(since) {
		_, _ = fmt.Fprintf(p.prose(p.stderr), "dagtrigger: warning: --since goes further back than the %s for which Airflow keeps its runs "+
			"(--retention)\n",
			r.retention)
	}
	items := func() iter.Seq2[item, error] { return uploaded(ctx, bucket, since, f.until.at(p.now()), f.route) }
	if f.list {
		return r.list(ctx, items())
	}
	return r.run(ctx, items)
}

// uploaded are the uploads of a bucket from one time to another, either zero for none.
func uploaded(ctx context.Context, bucket uploads.Bucket, since, until time.Time, route string) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		for u, err := range bucket.List(ctx) {
			if err == nil && (u.Event.Time.Before(since) || !until.IsZero() && !u.Event.Time.Before(until)) {
				continue
			}
			if !yield(item{place: u.Place, event: u.Event, happened: u.Event.Time, route: route}, err) {
				return
			}
		}
	}
}

// connect lets the bucket be listed with this account's token, or from an emulator.
func connect(b *uploads.Bucket, emulator string) {
	transport := newTransport()
	c := storageClient(transport, emulator)
	b.UserAgent, b.Client, b.Root = c.UserAgent, c.HTTP, c.Root
}

// storageClient calls Cloud Storage as this account, or an emulator.
func storageClient(transport http.RoundTripper, emulator string) *rest.Client {
	return rest.ForGoogle(rest.Options{
		Transport: transport, Google: identity.NewGoogle(&identity.ADC{Transport: transport}).Client,
		UserAgent: build.Read().UserAgent(), Root: rest.CloudStorage, Emulator: emulator,
	})
}
