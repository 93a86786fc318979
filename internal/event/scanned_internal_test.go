// SPDX-License-Identifier: Apache-2.0

package event

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An envelope is read in one pass, and what a message carries in another: the
// bytes that are read as JSON are counted, and bounded for each kind.
func TestBytesScannedPerByteOfBody(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		fixtures string
		most     float64
	}{
		{"storage-finalized", 1}, {"storage-numbers", 1}, {"generic-audit-log", 1}, {"generic-json-*", 1}, {"generic-text", 0},
		{"storage-push", 2}, {"storage-push-none*", 2}, {"storage-push-deleted", 2}, {"storage-push-cloudevent", 2}, {"storage-push-eventarc", 2},
		{"pubsub-push", 2}, {"pubsub-push-array", 2}, {"pubsub-push-bytes", 2}, {"pubsub-eventarc", 2}, {"pubsub-cloudevent", 2},
		{"storage-push-unwrapped", 1}, {"pubsub-push-unwrapped", 1},
	} {
		paths, err := filepath.Glob(filepath.Join("testdata", row.fixtures+".http"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: no fixture: %v", row.fixtures, err)
		}
		for _, path := range paths {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			head, body, _ := bytes.Cut(raw, []byte("\n\n"))
			r, err := http.ReadRequest(bufio.NewReader(io.MultiReader(bytes.NewReader(head), strings.NewReader("\n\n"))))
			if err != nil {
				t.Fatal(err)
			}
			var d decoder
			all, err := d.request(r, body)
			if err != nil || len(all) != 1 {
				t.Fatalf("%s: %d events, %v", path, len(all), err)
			}
			before := d.scanned
			_ = all[0].JSON()
			_ = all[0].Conf()
			if got := float64(before) / float64(len(body)); got > row.most {
				t.Errorf("%s: %.2f bytes are scanned for each of the body, want at most %g", path, got, row.most)
			}
			if !all[0].read {
				t.Errorf("%s: the data is read as JSON again each time", path)
			}
		}
	}
}

func TestLastDuplicateMemberWins(t *testing.T) {
	t.Parallel()
	var d decoder
	o, err := d.readObject([]byte(`{"name":"first","bucket":"b","generation":1,"name":"last"}`))
	if err != nil || o.Name != "last" {
		t.Errorf("name = %q, %v, want last", o.Name, err)
	}
}
