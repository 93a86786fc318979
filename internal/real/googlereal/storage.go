// SPDX-License-Identifier: Apache-2.0

package googlereal

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"example.com/dagtrigger/internal/real/program"
)

// The program that stands for Cloud Storage. It is run, never linked: go.mod
// stays what the function needs.
var storageProgram = program.Go{Package: "github.com/fsouza/fake-gcs-server", Version: "v1.56.1"}

// Storage is fake-gcs-server.
type Storage struct {
	service
	// URL is its root, as STORAGE_EMULATOR_HOST takes it.
	URL string

	env, args []string
	folder    string // of the objects; empty for none
	killed    bool
}

// Notify has a [Storage] publish what happens in its buckets.
type Notify struct {
	PubSub *PubSub // nil: nothing is published
	Topic  string  // which exists
}

// NeedStorage is a [MissingError] where this machine cannot build the program.
func NeedStorage() error { return need("go", "install Go") }

// StartStorage starts an empty Cloud Storage, and returns once it answers. The
// program is built at the first time, which takes about a minute.
func StartStorage(ctx context.Context, n Notify) (*Storage, error) {
	args := []string{"-backend", "memory"}
	var env []string
	if n.PubSub != nil {
		env = []string{"PUBSUB_EMULATOR_HOST=" + n.PubSub.Host}
		args = append(args, "-event.pubsub-project-id", Project, "-event.pubsub-topic", n.Topic,
			"-event.list", "finalize,delete,metadataUpdate,archive")
	}
	return startStorage(ctx, env, args...)
}

// StartStorageIn starts a Cloud Storage that keeps its objects in a folder, so
// that they are there again after [Storage.Kill] and [Storage.Restart].
func StartStorageIn(ctx context.Context, folder string) (*Storage, error) {
	s, err := startStorage(ctx, nil, "-backend", "filesystem", "-filesystem-root", folder)
	if err == nil {
		s.folder = folder
	}
	return s, err
}

func startStorage(ctx context.Context, env []string, args ...string) (*Storage, error) {
	if err := NeedStorage(); err != nil {
		return nil, err
	}
	binary, err := storageProgram.Install(ctx)
	if err != nil {
		return nil, err
	}
	host, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		return nil, fmt.Errorf("reading the address: %w", err)
	}
	s := &Storage{URL: "http://" + host, env: env, args: append([]string{binary, "-scheme", "http", "-host", "127.0.0.1",
		"-port", port, "-external-url", "http://" + host, "-public-host", host}, args...)}
	if err := s.Restart(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Kill ends the program by SIGKILL, with requests open.
func (s *Storage) Kill() error {
	s.killed = true
	return s.process.stop()
}

// Restart starts the program at the address that it had, after [Storage.Kill].
func (s *Storage) Restart(ctx context.Context) error {
	p, err := start("fake-gcs-server", s.env, s.args...)
	if err != nil {
		return err
	}
	if err := p.ready(ctx, s.URL+"/storage/v1/b?project="+Project); err != nil {
		return err
	}
	s.service, s.killed = newService(s.URL, p), false
	return s.dropParts(ctx)
}

// dropParts deletes objects that the program was writing when it was killed. It leaves
// the content without the metadata (CreateObject in its backend/fs.go), which then fails
// every listing of the bucket; Cloud Storage never shows a part of an upload.
func (s *Storage) dropParts(ctx context.Context) error {
	if s.folder == "" {
		return nil
	}
	buckets, err := os.ReadDir(s.folder)
	if err != nil {
		return fmt.Errorf("reading the folder of the objects: %w", err)
	}
	for _, b := range buckets {
		objects := "/storage/v1/b/" + b.Name() + "/o"
		if !b.IsDir() || s.send(ctx, http.MethodGet, objects, "", nil) == nil {
			continue
		}
		root := filepath.Join(s.folder, b.Name())
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			name, _ := filepath.Rel(root, path)
			if err != nil || entry.IsDir() || s.send(ctx, http.MethodGet, objects+"/"+url.PathEscape(name), "", nil) == nil {
				return err
			}
			return os.Remove(path)
		})
		if err != nil {
			return fmt.Errorf("deleting parts of objects: %w", err)
		}
	}
	return nil
}

// Close ends the program, unless it was killed.
func (s *Storage) Close() error {
	if s.killed {
		return nil
	}
	return s.service.Close()
}

// CreateBucket makes a bucket.
func (s *Storage) CreateBucket(ctx context.Context, name string) error {
	return s.ask(ctx, http.MethodPost, "/storage/v1/b?project="+Project, map[string]string{"name": name})
}

// Upload makes or replaces an object.
func (s *Storage) Upload(ctx context.Context, bucket, name, contentType string, body []byte) error {
	query := url.Values{"uploadType": {"media"}, "name": {name}}
	return s.send(ctx, http.MethodPost, "/upload/storage/v1/b/"+url.PathEscape(bucket)+"/o?"+query.Encode(), contentType, body)
}
