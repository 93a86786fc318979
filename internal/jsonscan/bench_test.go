// SPDX-License-Identifier: Apache-2.0

//go:build goexperiment.jsonv2

package jsonscan

import (
	"bytes"
	"encoding/json/jsontext"
	"strings"
	"testing"
)

// What Eventarc sends for an upload, and a message of many small values.
var (
	upload = []byte(`{"kind":"storage#object","id":"acme-landing/sales/eu/1.csv/17","bucket":"acme-landing","name":"sales/eu/1.csv",` +
		`"generation":"17","metageneration":"1","size":"1024","contentType":"text/csv","timeCreated":"2026-11-30T00:00:00Z",` +
		`"updated":"2026-11-30T00:00:00Z","storageClass":"STANDARD","md5Hash":"rL0Y20zC+Fzt72VPzMSk2A==","crc32c":"AAAAAA==","etag":"CAE="}`)
	items = []byte(`{"bucket":"b","items":[` + strings.Repeat(`{"id":"i","region":"eu","n":7},`, 30_000) + `{}]}`)
)

// BenchmarkMembers compares the package with jsontext: each finds the member bucket
// of a text, and checks all of it. GOEXPERIMENT=jsonv2 go test -bench . runs it.
func BenchmarkMembers(b *testing.B) {
	for name, text := range map[string][]byte{"upload": upload, "items": items} {
		for way, find := range map[string]func([]byte) []byte{"jsonscan": byWalk, "jsontext": byTokens} {
			b.Run(name+"/"+way, func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					if found := find(text); !bytes.HasPrefix(found, []byte(`"`)) {
						b.Fatalf("found %q", found)
					}
				}
			})
		}
	}
}

func byWalk(text []byte) (found []byte) {
	err := Walk(text, fuzzDepth, func(name, value []byte) {
		if string(name) == "bucket" {
			found = value
		}
	})
	if err != nil {
		return nil
	}
	return found
}

func byTokens(text []byte) (found []byte) {
	d := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true))
	if _, err := d.ReadToken(); err != nil {
		return nil
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return nil
		}
		isBucket := name.String() == "bucket"
		value, err := d.ReadValue()
		if err != nil {
			return nil
		}
		if isBucket {
			found = bytes.Clone(value)
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return nil
	}
	return found
}
