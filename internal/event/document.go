// SPDX-License-Identifier: Apache-2.0

package event

import (
	"encoding/base64"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// documentTypes are the types that Eventarc gives the changes of a Firestore
// document, see https://cloud.google.com/eventarc/docs/event-types#firestore.
const documentTypes = "google.cloud.firestore.document.v1."

// isDocument reports whether e's data is a DocumentEventData in protobuf, which
// is the only form in which Eventarc delivers one.
func isDocument(e *Event) bool {
	media := mediaType(e.ContentType)
	return strings.HasPrefix(e.Type, documentTypes) && (media == "application/protobuf" || media == "application/x-protobuf")
}

// setDocument decodes e's data into JSON by its published schema, the values of
// fields as plain JSON. Data that is not by the schema stays bytes.
//
// It reads the wire format by hand, in one pass: the generated types would be
// registered at each start of the function, and need two more modules.
// https://github.com/googleapis/google-cloudevents/blob/main/proto/google/events/cloud/firestore/v1/data.proto
func (e *Event) setDocument() {
	e.read = true
	var d documents
	if err := d.eventData(e.Data); err == nil {
		e.json = d.out
	}
}

var errDocument = errors.New("not a DocumentEventData")

// documents writes the JSON of a DocumentEventData.
type documents struct {
	out   []byte
	depth int
}

// field is a field of a protobuf message: number is its integer, else content.
type field struct {
	num     protowire.Number
	content []byte
	number  uint64
}

// each calls visit for the fields of a message in their order, without keeping
// them: a field can have two bytes. A wire type that protobuf does not have is an
// error.
func each(message []byte, visit func(field) error) error {
	for len(message) > 0 {
		num, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return errDocument
		}
		message = message[n:]
		f := field{num: num}
		switch kind {
		case protowire.VarintType:
			f.number, n = protowire.ConsumeVarint(message)
		case protowire.Fixed64Type:
			f.number, n = protowire.ConsumeFixed64(message)
		case protowire.BytesType:
			f.content, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(num, kind, message)
		}
		if n < 0 {
			return errDocument
		}
		message = message[n:]
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

// member writes the name of an object's member, behind a comma where one needs it.
func (d *documents) member(name string) {
	d.comma()
	d.out = append(append(d.out, encode(name)...), ':')
}

func (d *documents) comma() {
	if last := d.out[len(d.out)-1]; last != '{' && last != '[' {
		d.out = append(d.out, ',')
	}
}

func (d *documents) eventData(data []byte) error {
	d.out = append(d.out, '{')
	err := each(data, func(f field) error {
		switch f.num {
		case 1:
			d.member("value")
			return d.document(f.content)
		case 2:
			d.member("oldValue")
			return d.document(f.content)
		case 3:
			d.member("updateMask")
			return d.mask(f.content)
		}
		return nil
	})
	d.out = append(d.out, '}')
	return err
}

func (d *documents) mask(message []byte) error {
	d.out = append(d.out, `{"fieldPaths":[`...)
	err := each(message, func(f field) error {
		if f.num != 1 {
			return nil
		}
		d.comma()
		return d.text(f.content)
	})
	d.out = append(d.out, "]}"...)
	return err
}

func (d *documents) document(message []byte) error {
	d.out = append(d.out, '{')
	err := each(message, func(f field) error {
		switch f.num {
		case 1:
			d.member("name")
			return d.text(f.content)
		case 3:
			d.member("createTime")
			return d.timestamp(f.content)
		case 4:
			d.member("updateTime")
			return d.timestamp(f.content)
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.member("fields")
	err = d.entries(message, 2)
	d.out = append(d.out, '}')
	return err
}

// entry is one of a map.
type entry struct {
	name  string
	value []byte
}

// entries writes a map, the field num of a message, with its names in order: a map
// has none in protobuf, and a redelivery must give the same conf.
func (d *documents) entries(message []byte, num protowire.Number) error {
	var list []entry
	err := each(message, func(f field) error {
		if f.num != num {
			return nil
		}
		list = append(list, entry{})
		return each(f.content, func(part field) error {
			switch e := &list[len(list)-1]; part.num {
			case 1:
				e.name = string(part.content)
			case 2:
				e.value = part.content
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	d.out = append(d.out, '{')
	for _, e := range list {
		if !utf8.ValidString(e.name) {
			return errDocument
		}
		d.member(e.name)
		if err := d.value(e.value); err != nil {
			return err
		}
	}
	d.out = append(d.out, '}')
	return nil
}

// value writes a Value: the last of its kinds that is set. One that has none is
// null.
func (d *documents) value(message []byte) error {
	if d.depth++; d.depth > maxDepth/2 {
		return errDocument
	}
	defer func() { d.depth-- }()
	var f field
	if err := each(message, func(kind field) error { f = kind; return nil }); err != nil {
		return err
	}
	switch f.num {
	case 1:
		d.out = strconv.AppendBool(d.out, f.number != 0)
	case 2:
		d.out = strconv.AppendInt(d.out, int64(f.number), 10)
	case 3:
		d.double(f.number)
	case 5, 17:
		return d.text(f.content)
	case 6:
		return d.entries(f.content, 1)
	case 8:
		return d.point(f.content)
	case 9:
		return d.list(f.content)
	case 10:
		return d.timestamp(f.content)
	case 18:
		d.out = append(base64.StdEncoding.AppendEncode(append(d.out, '"'), f.content), '"')
	default:
		d.out = append(d.out, "null"...)
	}
	return nil
}

func (d *documents) list(message []byte) error {
	d.out = append(d.out, '[')
	err := each(message, func(f field) error {
		if f.num != 1 {
			return nil
		}
		d.comma()
		return d.value(f.content)
	})
	d.out = append(d.out, ']')
	return err
}

// point writes a LatLng, https://github.com/googleapis/googleapis/blob/master/google/type/latlng.proto
func (d *documents) point(message []byte) error {
	var at [2]uint64
	err := each(message, func(f field) error {
		if f.num == 1 || f.num == 2 {
			at[f.num-1] = f.number
		}
		return nil
	})
	d.out = append(d.out, `{"latitude":`...)
	d.double(at[0])
	d.out = append(d.out, `,"longitude":`...)
	d.double(at[1])
	d.out = append(d.out, '}')
	return err
}

// double writes what JSON has no number for as protobuf's JSON does, as text.
func (d *documents) double(bits uint64) {
	switch x := math.Float64frombits(bits); {
	case math.IsNaN(x):
		d.out = append(d.out, `"NaN"`...)
	case math.IsInf(x, 0):
		d.out = append(d.out, `"`+strings.Replace(strings.TrimPrefix(strconv.FormatFloat(x, 'g', -1, 64), "+"), "Inf", "Infinity", 1)+`"`...)
	default:
		d.out = append(d.out, encode(x)...)
	}
}

func (d *documents) text(content []byte) error {
	if !utf8.Valid(content) {
		return errDocument
	}
	d.out = append(d.out, encode(string(content))...)
	return nil
}

func (d *documents) timestamp(message []byte) error {
	var seconds, nanos int64
	err := each(message, func(f field) error {
		switch f.num {
		case 1:
			seconds = int64(f.number)
		case 2:
			nanos = int64(f.number)
		}
		return nil
	})
	at := time.Unix(seconds, nanos).UTC()
	if err != nil || at.Year() < 1 || at.Year() > 9999 {
		return errDocument
	}
	d.out = append(append(append(d.out, '"'), at.Format(time.RFC3339Nano)...), '"')
	return nil
}
