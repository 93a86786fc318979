// SPDX-License-Identifier: Apache-2.0

package example

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/route/fileset"
)

// Bucket is what an example's bucket holds, as package complete reads it.
type Bucket struct {
	Objects []fileset.Object // sorted by name
	// Text is the manifest's JSON, whatever it is called; nil where it is not there.
	Text []byte
}

// List implements [complete.Bucket].
func (b Bucket) List(_ context.Context, s *fileset.Set) ([]fileset.Object, error) {
	var below []fileset.Object
	for _, o := range b.Objects {
		if strings.HasPrefix(o.Name, s.Prefix) {
			below = append(below, o)
		}
	}
	return below, nil
}

// Manifest implements [complete.Bucket].
func (b Bucket) Manifest(context.Context, *fileset.Set) ([]byte, bool, error) {
	return b.Text, b.Text != nil, nil
}

// file is an object of a bucket as an example writes it.
type file struct {
	name             string
	size, generation int64
}

func fileKeys() []document.Key[file] {
	return []document.Key[file]{
		{Name: "name", Required: true, Example: "name: sales/d1/eu.csv", Doc: "Its whole name.", To: func(f *file) any { return &f.name }},
		{Name: "size", Example: "size: 2048", Doc: "Its size in bytes. Left out: 0.", To: func(f *file) any { return &f.size }},
		{Name: "generation", Example: "generation: 17", Doc: "Its generation. Left out: 1.", To: func(f *file) any { return &f.generation }},
	}
}

// files reads what the bucket holds: names, or maps.
func (d *draft) files(_ *document.Reader, node *yaml.Node) {
	d.listed = true
	d.List(node, "files", "a list of objects: names, or maps such as {name: sales/d1/eu.csv, size: 2048}", func(item *yaml.Node) {
		f := file{}
		if document.IsText(item) {
			f.name = item.Value
		} else {
			document.Map(&d.Reader, item, "a file", fileKeys(), &f)
		}
		d.add(f)
	})
}

// add puts an object into the example's bucket.
func (d *draft) add(f file) {
	b := &d.example.Bucket
	b.Objects = append(b.Objects, fileset.Object{
		Name: f.name, Generation: strconv.FormatInt(max(f.generation, number), 10), Size: strconv.FormatInt(f.size, 10), Updated: moment(),
	})
	slices.SortFunc(b.Objects, func(x, y fileset.Object) int { return strings.Compare(x.Name, y.Name) })
}

// manifest reads the manifest's JSON.
func (d *draft) manifest(_ *document.Reader, node *yaml.Node) {
	d.example.Bucket.Text = d.JSON(node)
}
