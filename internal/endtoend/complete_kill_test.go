// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/clock"
	"example.com/dagtrigger/internal/real/googlereal"
	"example.com/dagtrigger/internal/real/realtest"
	"example.com/dagtrigger/internal/simulator/airflowsim"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

// Two processes of the built function are killed and started again while the files of
// sets arrive, in any order, at either of them, and one file of each set is deleted and
// written again: each complete set has one run, with all its files, and the others none.
func TestSetsSurviveKilledProcesses(t *testing.T) {
	t.Parallel()
	t.Run("simulated Cloud Storage", func(t *testing.T) {
		t.Parallel()
		proveKilledSets(t, simulatedFiles(t))
	})
	t.Run("fake-gcs-server", func(t *testing.T) {
		t.Parallel()
		realtest.Need(t, googlereal.NeedStorage)
		proveKilledSets(t, realFiles(t))
	})
}

// files are what writes into the bucket acme of a Cloud Storage.
type files struct {
	url           string
	write, remove func(name string) error
}

func simulatedFiles(t *testing.T) files {
	storage := googlesim.NewStorage(func(r *http.Request) { t.Errorf("unknown request to Google: %s %s", r.Method, r.URL) }, "acme")
	server := httptest.NewServer(storage)
	t.Cleanup(server.Close)
	return files{
		url:    server.URL,
		write:  func(name string) error { storage.Put("acme", googlesim.Object{Name: name}); return nil },
		remove: func(name string) error { storage.Delete("acme", name); return nil },
	}
}

func realFiles(t *testing.T) files {
	storage, err := googlereal.StartStorageIn(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, storage)
	if err := storage.CreateBucket(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	return files{
		url:   storage.URL,
		write: func(name string) error { return storage.Upload(t.Context(), "acme", name, "text/csv", []byte("1")) },
		remove: func(name string) error {
			address := storage.URL + "/storage/v1/b/acme/o/" + url.PathEscape(name)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, address, nil)
			if err != nil {
				return err
			}
			resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
			if err == nil {
				err = resp.Body.Close()
			}
			return err
		},
	}
}

func proveKilledSets(t *testing.T, bucket files) {
	n := seed(t)
	rng := rand.New(rand.NewPCG(n, 1))
	sim, settings := proofAirflow(t, "v2")
	sim.SetCapacity(airflowsim.Capacity{AtOnce: 4, Waiting: 100, PerRequest: 30 * time.Millisecond}) // so that kills meet requests
	env := []string{"STORAGE_EMULATOR_HOST=" + bucket.url, "DAGTRIGGER_CONFIG=" + setRoutes, "LOG_LEVEL=error"}
	for name, value := range settings {
		env = append(env, name+"="+value)
	}
	var addresses [2]atomic.Value // each a string
	var killed []*part
	for k := range addresses {
		i := startInstance(t, buildFunction(t), env...)
		addresses[k].Store(i.url)
		killed = append(killed, &part{
			name: "the function", up: 600 * time.Millisecond, down: 200 * time.Millisecond,
			kill: func() error {
				err := i.kill()
				if errors.Is(err, os.ErrProcessDone) { // another program had its port
					_ = i.process.Wait()
					return nil
				}
				return err
			},
			start: func(context.Context) error { // its port may have been given to another
				port := freePort(t)
				i.env = append(slices.Clone(i.env), "PORT="+port)
				addresses[k].Store("http://127.0.0.1:" + port)
				return i.start()
			},
		})
	}
	raging, calm := context.WithCancel(t.Context())
	faults := make(chan error, len(killed))
	for k, p := range killed {
		go func() { faults <- p.rage(raging, rand.New(rand.NewPCG(n, uint64(2+k)))) }()
	}

	var wanted []string
	var all sync.WaitGroup
	for day := range 6 {
		names := []string{"a", "b", "c", "d"}
		if day == 0 {
			names = names[1:] // its a never comes
		} else {
			const conf = `{"day":"d%[1]d","files":["sales/d%[1]d/a.csv","sales/d%[1]d/b.csv","sales/d%[1]d/c.csv","sales/d%[1]d/d.csv"]}`
			wanted = append(wanted, fmt.Sprintf(conf, day))
		}
		for i, name := range names {
			e := killedEvent{name: fmt.Sprintf("sales/d%d/%s.csv", day, name), bucket: bucket, twice: i == 1, times: 1 + rng.IntN(2)}
			e.to = func() string { return addresses[rand.IntN(2)].Load().(string) }
			after := time.Duration(rng.IntN(2000)) * time.Millisecond
			all.Go(func() {
				_ = clock.Sleep(t.Context(), after)
				if err := e.arrive(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	calm()
	var raged error
	for range killed { // in any order
		raged = errors.Join(raged, <-faults)
	}
	for _, p := range killed {
		if raged != nil || p.kills == 0 {
			t.Errorf("%s was killed %d times: %v", p.name, p.kills, raged)
		}
	}
	var got []string
	for _, run := range sim.Runs() {
		got = append(got, canonical(t, run.Conf))
	}
	slices.Sort(got)
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("sets and runs (-want +got):\n%s", diff)
	}
}

// killedEvent is a file, and how its events are delivered.
type killedEvent struct {
	name   string
	bucket files
	to     func() string // the address of either process
	times  int
	twice  bool // written, deleted and written again
}

// arrive writes the file, and delivers its events until each is acknowledged.
func (e killedEvent) arrive(ctx context.Context) error {
	if err := e.bucket.write(e.name); err != nil {
		return err
	}
	if e.twice {
		err := errors.Join(e.deliver(ctx, 1), e.bucket.remove(e.name), e.bucket.write(e.name))
		if err != nil {
			return err
		}
	}
	return e.deliver(ctx, 2)
}

func (e killedEvent) deliver(ctx context.Context, generation int) error {
	ctx, cancel := context.WithTimeout(ctx, 2*hang)
	defer cancel()
	for range e.times {
		for !acknowledged(ctx, e.to(), upload("acme", e.name, generation)) {
			if err := pause(ctx, 50*time.Millisecond); err != nil {
				return fmt.Errorf("%s was never acknowledged: %w", e.name, err)
			}
		}
	}
	return nil
}

// acknowledged reports whether a process answered that the event is done. It may be
// killed meanwhile.
func acknowledged(ctx context.Context, to string, r *http.Request) bool {
	host, err := url.Parse(to)
	if err != nil {
		return false
	}
	r.URL, r.Host = host, ""
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r.WithContext(ctx))
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, resp.Body)
	return err == nil && resp.StatusCode == http.StatusOK
}
