// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/plainjson"
	"example.com/dagtrigger/internal/trigger"
)

const dropHelp = `Remove dead letters without starting a run. The number of selected dead letters for each
route is printed first, and you are asked to confirm.

Select them by name, by a filter or with --all. A dead letter whose event has failed
again since it was read is kept, and so is a file that is not a dead letter.`

// dropsAtOnce is how many letters are removed at the same time.
const dropsAtOnce = 8

type dropFlags struct {
	all, yes bool
	json     bool
}

func (p *program) deadLettersDrop(s *storeFlags) *cobra.Command {
	var f filterFlags
	var d dropFlags
	cmd := &cobra.Command{
		Use:   "drop [NAME...]",
		Short: "Remove dead letters without starting a run",
		Long:  dropHelp,
		Example: `  dagtrigger dead-letters drop dagtrigger__sales__30db3192e426dc5bce4e
  dagtrigger dead-letters drop --route sales --until 2026-11-01
  dagtrigger dead-letters drop --all --yes`,
		Args:        cobra.ArbitraryArgs,
		Annotations: exits("each selected dead letter is removed", "some are left, or it was not confirmed"),
		RunE: func(cmd *cobra.Command, args []string) error {
			chosen := len(args) > 0
			for _, flag := range []string{"route", "dag", "object", "reason", "since", "until"} {
				chosen = chosen || cmd.Flags().Changed(flag)
			}
			if chosen == d.all {
				return usage(cmd, "select the dead letters to drop: by name, by a filter, or with --all")
			}
			return p.runDrop(cmd.Context(), s, f.filter(p.now(), args), d)
		},
	}
	f.register(cmd.Flags())
	cmd.Flags().BoolVar(&d.all, "all", false, "drop all of them")
	jsonFlag(cmd.Flags(), &d.json, "the result as one JSON object, and the selection on standard error")
	cmd.Flags().BoolVar(&d.yes, "yes", false, "do not ask")
	return cmd
}

func (p *program) runDrop(ctx context.Context, s *storeFlags, f deadletter.Filter, d dropFlags) (err error) {
	all, stores, err := p.open(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, all.close(ctx)) }()
	count, found, of := 0, map[string]bool{}, map[string]int{}
	for l, err := range all.list(ctx, f) {
		if isUnreadable(err) {
			continue // printed when the others are dropped
		}
		if err != nil {
			return err
		}
		count++
		of[destination(trigger.Outcome{Route: l.Route, DAGID: l.DAGID})]++
		if len(f.Names) > 0 {
			found[l.Name()] = true
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %s\n", plural(count, "dead letter"), strings.Join(stores, ", "))
	for _, whose := range slices.Sorted(maps.Keys(of)) {
		fmt.Fprintf(&b, "%7d  %s\n", of[whose], cmp.Or(whose, "without a route"))
	}
	about := p.stdout
	if d.json {
		about = p.stderr
	}
	if _, err := io.WriteString(p.prose(about), b.String()); err != nil {
		return err
	}
	if count > 0 || d.json {
		if err := p.confirm(ctx, "Drop them permanently? [y/N] ", d.yes || count == 0, about); err != nil {
			return err
		}
		if err := p.drop(ctx, all, f, count, d.json); err != nil {
			return err
		}
	}
	return missing(f.Names, found)
}

// drop removes what the filter lets through.
func (p *program) drop(ctx context.Context, all archives, f deadletter.Filter, total int, asJSON bool) error {
	bar := p.progress("dropping", total, false)
	var dropped, left atomic.Int64
	keep := func(err error) {
		left.Add(1)
		_, _ = fmt.Fprintln(p.stderr, visible(err.Error()))
	}
	var group errgroup.Group
	group.SetLimit(dropsAtOnce)
	var failed error
	for l, err := range all.list(ctx, f) {
		if isUnreadable(err) {
			keep(err)
			continue
		}
		if err != nil {
			failed = err
			break
		}
		group.Go(func() error {
			if err := l.archive.Remove(ctx, l.Letter); err != nil {
				keep(err)
			} else {
				dropped.Add(1)
			}
			bar.add("dropping")
			return nil
		})
	}
	_ = group.Wait() // each removal reports its own error
	bar.finish()
	err := p.printDropped(dropped.Load(), left.Load(), asJSON)
	if err = errors.Join(failed, err); err == nil && left.Load() > 0 {
		return errReported
	}
	return err
}

func (p *program) printDropped(dropped, left int64, asJSON bool) error {
	if asJSON {
		return plainjson.Encode(p.stdout, map[string]int64{"dropped": dropped, "left": left})
	}
	_, err := fmt.Fprintf(p.prose(p.stdout), "%d dropped, %d left\n", dropped, left)
	return err
}
