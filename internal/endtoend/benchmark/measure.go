// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What is measured, and how often. Within a measurement the programs take turns,
// so that a machine that slows down slows all of them.
const (
	starts = 11

	cpuRounds   = 3
	cpuWarmUp   = 500
	cpuEvents   = 3_000
	cpuAtOnce   = 16
	slowAirflow = 100 * time.Millisecond
	fastTime    = 2 * time.Second // before Airflow becomes slow
	settleTime  = 5 * time.Second // after that
	rateTime    = 5 * time.Second

	countedWarmUp = 100
	countedEvents = 2000 // some dozens of garbage collections
)

// row is what was measured of a program.
type row struct {
	start        time.Duration // until its first event is acknowledged; median
	cpu          time.Duration // per event, 16 at once; median
	rate         float64       // events a second, 80 at once, where Airflow takes 100 ms
	memory       int64         // at most meanwhile, in bytes
	instructions int64         // per event, one at a time, in user space; 0: not counted
}

func measureStart(ctx context.Context, a *airflow, programs []program, rows []row) error {
	times := make([][]time.Duration, len(programs))
	for range starts {
		for i, p := range programs {
			process, took, err := start(ctx, p, a.url)
			if err != nil {
				return err
			}
			if err := process.stop(); err != nil {
				return err
			}
			times[i] = append(times[i], took)
		}
	}
	for i := range programs {
		rows[i].start = median(times[i])
	}
	return nil
}

// measureCPU compares processes that were sent the warm-up only with those that
// were sent more events, so that the start does not count.
func measureCPU(ctx context.Context, a *airflow, programs []program, rows []row) error {
	times := make([][]time.Duration, len(programs))
	for range cpuRounds {
		for i, p := range programs {
			if p.empty {
				continue
			}
			var used [2]time.Duration
			for j, events := range []int{cpuWarmUp, cpuWarmUp + cpuEvents} {
				process, err := sendTo(ctx, p, a.url, events, cpuAtOnce)
				if err != nil {
					return err
				}
				used[j] = process.cpu()
			}
			times[i] = append(times[i], (used[1]-used[0])/cpuEvents)
		}
	}
	for i := range programs {
		if len(times[i]) > 0 {
			rows[i].cpu = median(times[i])
		}
	}
	return nil
}

// sendTo starts a program, sends it events and stops it.
func sendTo(ctx context.Context, p program, url string, events, senders int, wrapper ...string) (*process, error) {
	process, _, err := start(ctx, p, url, wrapper...)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(process.sendAll(ctx, events, senders), process.stop()); err != nil {
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	return process, nil
}

// measureRate measures what a program makes of an Airflow that has become slow.
func measureRate(ctx context.Context, a *airflow, programs []program, rows []row) error {
	defer a.latency.Store(0)
	for i, p := range programs {
		if p.empty {
			continue
		}
		a.latency.Store(0)
		process, _, err := start(ctx, p, a.url)
		if err != nil {
			return err
		}
		process.sendFor(ctx, fastTime, atOnce)
		a.latency.Store(int64(slowAirflow))
		process.sendFor(ctx, settleTime, atOnce)
		rows[i].rate = float64(process.sendFor(ctx, rateTime, atOnce)) / rateTime.Seconds()
		if err := process.stop(); err != nil {
			return err
		}
		rows[i].memory = process.memory()
	}
	return nil
}

// measureInstructions compares counts as [measureCPU] does times. Without
// valgrind nothing is counted.
func measureInstructions(ctx context.Context, a *airflow, programs []program, rows []row) error {
	valgrind, err := exec.LookPath("valgrind")
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchmark: instructions are not counted, for valgrind is not installed")
		return nil
	}
	for i, p := range programs {
		if p.empty {
			continue
		}
		if rows[i].instructions, err = countInstructions(ctx, p, a.url, valgrind); err != nil {
			fmt.Fprintf(os.Stderr, "benchmark: the instructions of %s are not counted: %v\n", p.name, err)
		}
	}
	return ctx.Err()
}

// countInstructions is those of one event.
func countInstructions(ctx context.Context, p program, url, valgrind string) (int64, error) {
	var counts [2]int64
	out := filepath.Join(filepath.Dir(p.binary), "callgrind.out")
	for i, events := range []int{countedWarmUp, countedWarmUp + countedEvents} {
		if _, err := sendTo(ctx, p, url, events, 1, valgrind, "--tool=callgrind", "--callgrind-out-file="+out); err != nil {
			return 0, err
		}
		var err error
		if counts[i], err = totalInstructions(out); err != nil {
			return 0, err
		}
	}
	return (counts[1] - counts[0]) / countedEvents, nil
}

var totals = regexp.MustCompile(`(?m)^(?:summary|totals): (\d+)`)

// totalInstructions reads the total from a file that callgrind wrote.
func totalInstructions(path string) (int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("reading what callgrind wrote: %w", err)
	}
	var most int64
	for _, match := range totals.FindAllSubmatch(text, -1) {
		n, err := strconv.ParseInt(string(match[1]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		most = max(most, n)
	}
	if most == 0 {
		return 0, fmt.Errorf("%s has no total: did valgrind end early?", path)
	}
	return most, nil
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// table prints the rows, each figure with its ratio to the first row's.
func table(programs []program, rows []row) string {
	var b strings.Builder
	b.WriteString("| | instructions/event | CPU µs/event | start ms | memory under load MB | events/s, Airflow takes 100 ms, 80 at once |\n")
	b.WriteString("|---|--:|--:|--:|--:|--:|\n")
	cell := func(format string, value, first float64) {
		switch {
		case value == 0:
			b.WriteString(" |")
		case first == 0:
			fmt.Fprintf(&b, " "+format+" |", value)
		default:
			fmt.Fprintf(&b, " "+format+" (%.2f) |", value, value/first)
		}
	}
	first := rows[0]
	for i, r := range rows {
		fmt.Fprintf(&b, "| %s |", programs[i].name)
		cell("%.0fk", float64(r.instructions)/1e3, float64(first.instructions)/1e3)
		cell("%.0f", float64(r.cpu.Nanoseconds())/1e3, float64(first.cpu.Nanoseconds())/1e3)
		cell("%.1f", r.start.Seconds()*1e3, first.start.Seconds()*1e3)
		cell("%.0f", float64(r.memory)/1e6, float64(first.memory)/1e6)
		cell("%.0f", r.rate, first.rate)
		b.WriteString("\n")
	}
	b.WriteString("\nIn brackets: the ratio to the first row.\n" + aboveFloor(programs, rows))
	return b.String()
}

// aboveFloor compares the start of the programs behind the empty one with that.
func aboveFloor(programs []program, rows []row) string {
	at := slices.IndexFunc(programs, func(p program) bool { return p.empty })
	if at < 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("Until the first answer, against an empty function that links the same libraries:")
	for i := at + 1; i < len(programs); i++ {
		more := rows[i].start - rows[at].start
		fmt.Fprintf(&b, " %s %.2f times (%+.1f ms).", programs[i].name, rows[i].start.Seconds()/rows[at].start.Seconds(), more.Seconds()*1e3)
	}
	return b.String() + "\n"
}
