// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"regexp"
	"slices"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/functions"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// CEL counts a call when it has returned, by the declared types of its
// arguments, and looks at no deadline meanwhile. Events are of any type and
// size: text.replace("a", text) of a message of 60 kB makes 4 GB. So each call
// is planned as a [charged] one, which first pays for the actual size of its
// arguments.

// charged is a call that pays before it begins, and in a loop does not begin after
// the deadline.
type charged struct {
	interpreter.InterpretableCall

	args   []interpreter.InterpretableV2
	trait  int // that the first argument has to have, 0 for none
	call   func(args []ref.Val) ref.Val
	keeps  bool // call may keep args
	charge charge
}

// arguments are those of most calls, kept for the next one: a route calls dozens of
// functions for an event.
var arguments = sync.Pool{New: func() any { return new([2]ref.Val) }}

// Exec evaluates the arguments, pays, and calls.
func (c *charged) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	if c.keeps || len(c.args) > 2 {
		return c.exec(frame, make([]ref.Val, len(c.args)))
	}
	few := arguments.Get().(*[2]ref.Val)
	result := c.exec(frame, few[:len(c.args)])
	*few = [2]ref.Val{}
	arguments.Put(few)
	return result
}

func (c *charged) exec(frame *interpreter.ExecutionFrame, args []ref.Val) ref.Val {
	for i, arg := range c.args {
		args[i] = arg.Exec(frame)
		if types.IsUnknownOrError(args[i]) {
			return args[i]
		}
	}
	if err := c.pay(frame, args); err != nil {
		return types.WrapErr(err)
	}
	switch {
	case c.trait == 0 || len(args) > 0 && args[0].Type().HasTrait(c.trait):
		return types.LabelErrNode(c.ID(), c.call(args))
	case args[0].Type().HasTrait(traits.ReceiverType):
		return types.LabelErrNode(c.ID(), args[0].(traits.Receiver).Receive(c.Function(), c.OverloadID(), slices.Clone(args[1:])))
	}
	return types.NewErrWithNodeID(c.ID(), "no such overload: %s", c.Function())
}

// pay counts the call: CEL does in a program with loops, the scope in any other. The
// call may begin where the error is nil.
func (c *charged) pay(frame *interpreter.ExecutionFrame, args []ref.Val) error {
	costs := frame.CostTracker()
	if costs == nil {
		if s, ok := frame.Scope().(*Scope); ok && !s.pay(c.charge(args)) { // no scope while constants are folded
			return errLimit
		}
		return nil
	}
	cost := c.charge(args)
	if cost <= 1 {
		costs.Qualify(c.ID())
		return nil
	}
	costs.EvalVarArgs(frame, c.ID(), payment{}, nil, paid{cost: uint64(cost)})
	if frame.CheckInterrupt() {
		return interpreter.InterruptError{}
	}
	return nil
}

// Eval is Exec outside of a frame.
func (c *charged) Eval(a interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(a, c.Exec)
}

// Args are the arguments.
func (c *charged) Args() []interpreter.InterpretableV2 { return c.args }

// paid carries what a call costs to CEL's own count.
type paid struct {
	types.Int

	cost uint64
}

// payment gives CEL's count the costs that [charged] calls have worked out. It
// stands for the call too: the libraries count some overloads their own way.
type payment struct{}

// Function and OverloadID name no call.
func (payment) Function() string   { return "" }
func (payment) OverloadID() string { return "" }

// CallCost is the cost of a call.
func (payment) CallCost(_, _ string, _ []ref.Val, result ref.Val) *uint64 {
	cost := uint64(1)
	if p, ok := result.(paid); ok {
		cost = p.cost
	}
	return &cost
}

// operation is what a function or an overload of it does.
type operation struct {
	trait int
	call  func(args []ref.Val) ref.Val
	keeps bool // call may keep args
}

// operations are those of all functions of env, by the name of the function and
// of the overload.
func operations(env *cel.Env) (map[string]operation, error) {
	all := map[string]operation{
		operators.Equals:    {call: func(args []ref.Val) ref.Val { return types.Equal(args[0], args[1]) }},
		operators.NotEquals: {call: func(args []ref.Val) ref.Val { return !types.Equal(args[0], args[1]).(types.Bool) }},
	}
	for name, function := range env.Functions() {
		bindings, err := function.Bindings()
		if err != nil {
			return nil, err
		}
		for _, b := range bindings {
			if b.NonStrict || name == operators.Equals || name == operators.NotEquals {
				continue // CEL plans those itself
			}
			all[b.Operator] = operation{b.OperandTrait, callOf(b), b.Function != nil}
		}
	}
	return all, nil
}

func callOf(o *functions.Overload) func(args []ref.Val) ref.Val {
	return func(args []ref.Val) ref.Val {
		switch {
		case len(args) == 1 && o.Unary != nil:
			return o.Unary(args[0])
		case len(args) == 2 && o.Binary != nil:
			return o.Binary(args[0], args[1])
		case o.Function != nil:
			return o.Function(args...)
		}
		return types.NewErr("no such overload: %s", o.Operator)
	}
}

// charging plans each call as a charged one.
func (l *language) charging(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := i.(interpreter.InterpretableCall)
	if !ok {
		return i, nil
	}
	op, ok := l.operations[call.OverloadID()]
	if !ok || call.OverloadID() == "" {
		op, ok = l.operations[call.Function()]
	}
	if !ok {
		return i, nil
	}
	c := &charged{
		InterpretableCall: call, args: call.Args(), trait: op.trait, call: op.call, keeps: op.keeps, charge: charges[call.Function()],
	}
	if c.charge == nil {
		c.charge = func(args []ref.Val) int { return copied(args...) }
	}
	return c, constantPattern(c)
}

// constantPattern compiles the regular expression of matches once, where it is
// constant. CEL's own way makes another call of it, which would not be charged.
func constantPattern(c *charged) error {
	if c.Function() != "matches" || len(c.args) != 2 {
		return nil
	}
	constant, ok := c.args[1].(interpreter.InterpretableConst)
	if !ok {
		return nil
	}
	text, _ := constant.Value().(types.String)
	pattern, err := regexp.Compile(string(text))
	if err != nil {
		return err
	}
	size := programSize(string(text))
	c.args = []interpreter.InterpretableV2{c.args[0], struct{ interpreter.InterpretableV2 }{constant}}
	c.trait = 0
	c.charge = func(args []ref.Val) int { return searched(args[0], size) }
	c.call = func(args []ref.Val) ref.Val {
		text, ok := args[0].(types.String)
		if !ok {
			return types.MaybeNoSuchOverloadErr(args[0])
		}
		return types.Bool(pattern.MatchString(string(text)))
	}
	return nil
}
