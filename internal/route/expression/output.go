// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"bytes"
	"context"
	"fmt"
)

// Output is the JSON that is written, with a limit on its size.
type Output struct {
	bytes.Buffer

	Most int // bytes

	meter *meter // nil where writing is not charged
}

// check returns an error if more bytes would exceed the limit.
func (o *Output) check(more int) error {
	if o.Len()+more > o.Most {
		return tooLong(o.Most)
	}
	return nil
}

func tooLong(most int) error {
	return fmt.Errorf("it would be longer than %d bytes: pass on less of the event", most)
}

// add writes text.
func (o *Output) add(text string) error {
	if err := o.check(len(text)); err != nil {
		return err
	}
	o.WriteString(text)
	return nil
}

// count counts a value before it is written. From time to time it charges what
// was written and checks the deadline.
func (o *Output) count() error {
	m := o.meter
	if m == nil {
		return nil
	}
	if m.values++; m.values < chargeEvery {
		return nil
	}
	m.charge(o.Len())
	if err := m.ctx.Err(); err != nil {
		return err
	}
	if m.scope.spent() > EventCostLimit {
		return errSpent
	}
	return nil
}

// chargeEvery is how many values are written between two charges.
const chargeEvery = 1000

// meter charges an event for one output.
type meter struct {
	ctx    context.Context //nolint:containedctx // lives as long as one call
	scope  *Scope
	values int // not charged yet
	bytes  int // charged
}

// charge adds what was written since the last call: a unit of [EventCostLimit] for
// each value, and the bytes up to length.
func (m *meter) charge(length int) {
	m.scope.carried.spent += m.values + (length-m.bytes)/bytesMade
	m.values, m.bytes = 0, length
}
