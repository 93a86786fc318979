// SPDX-License-Identifier: Apache-2.0

// Package expression implements the language that a routes file computes in: CEL,
// https://cel.dev, with an event's variables declared, and text with ${CEL}
// inside. It is the only importer of CEL.
//
// A [Compiler] checks expressions and templates when a file is loaded. What it
// makes is evaluated in the [Scope] of one event. The package knows no routes,
// does no I/O and keeps no state between events.
//
// Integers are int and other numbers double, and arithmetic and comparison
// between the two are defined. A lone selection, such as data.order.id, is not
// computed but looked up, so that a number keeps its own text.
package expression

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/checker"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/ext"
	"cel.dev/cel-go/parser"
)

const (
	// costLimit bounds one evaluation, in CEL's units: about one for each
	// operation. It is what Kubernetes grants an expression, some 0.1 s:
	// PerCallLimit in
	// https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/apiserver/pkg/apis/cel/config.go.
	costLimit = 1_000_000
	// EventCostLimit bounds all evaluations for one event together: of all
	// routes, some 1 s. What is over it fails permanently.
	EventCostLimit = 10 * costLimit
	// interruptEvery is how often the deadline is checked: in each round of a
	// comprehension and before each call that costs more than one unit.
	interruptEvery = 1
)

// Extensions are the libraries beside CEL's standard one, as the documentation
// links them: https://github.com/google/cel-go/tree/master/ext.
func Extensions() []string {
	return []string{"encoders", "lists", "math", "optionals", "regex", "strings"}
}

// language is CEL with an event's variables declared.
//
// [cel.Env] parses with ANTLR, which takes five times as long as all the rest.
// The Pratt parser of the same library makes thousands of expressions ready
// while a function starts; tests hold the two to the same results.
type language struct {
	env     *cel.Env
	parser  *parser.Parser
	tracker *parser.Parser // remembers macros as they were written
	checker *checker.Env

	operations map[string]operation        // by the name of the function or overload
	validators map[string]cel.ASTValidator // of literals, by the function that takes them
}

func newLanguage() (*language, error) {
	env, err := newEnv()
	if err != nil {
		return nil, err
	}
	l := &language{env: env, validators: map[string]cel.ASTValidator{
		"duration":  cel.ValidateDurationLiterals(),
		"matches":   cel.ValidateRegexLiterals(),
		"timestamp": cel.ValidateTimestampLiterals(),
	}}
	options := []parser.Option{parser.EnablePrattParser(true), parser.EnableOptionalSyntax(true),
		parser.Macros(append(env.Macros(), has())...)}
	if l.operations, err = operations(env); err != nil {
		return nil, err
	}
	if l.parser, err = parser.NewParser(options...); err != nil {
		return nil, err
	}
	if l.tracker, err = parser.NewParser(append(options, parser.PopulateMacroCalls(true))...); err != nil {
		return nil, err
	}
	l.checker, err = newChecker(env)
	return l, err
}

func newEnv() (*cel.Env, error) {
	types, err := newCatalogue()
	if err != nil {
		return nil, err
	}
	options, err := mixed()
	if err != nil {
		return nil, err
	}
	options = append(options,
		cel.CustomTypeAdapter(types), cel.CustomTypeProvider(types),
		// Later versions of the encoders have functions of unbounded cost.
		cel.OptionalTypes(), ext.Encoders(ext.EncodersVersion(0)), ext.Lists(), ext.Math(), ext.Regex(), ext.Strings(),
	)
	options = append(options, dateFunctions()...)
	for _, v := range variables {
		t := cel.ObjectType(recordType(v.Name))
		if v.Name == dataVariable || v.Name == listVariable {
			t = cel.DynType
		}
		options = append(options, cel.VariableWithDoc(v.Name, t, v.Doc))
	}
	return cel.NewCustomEnv(options...)
}

func newChecker(env *cel.Env) (*checker.Env, error) {
	c, err := checker.NewEnv(env.Container, env.CELTypeProvider(), checker.CrossTypeNumericComparisons(true))
	if err != nil {
		return nil, err
	}
	if err := c.AddIdents(env.Variables()...); err != nil {
		return nil, err
	}
	for _, f := range env.Functions() {
		if f.IsDeclarationDisabled() {
			continue
		}
		if err := c.AddFunctions(f); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// has is CEL's macro, but false too where something on the way to the field is
// absent: has(data.order.id) of data without order is an error in CEL. It
// expands to has(data.order) && has(data.order.id).
func has() cel.Macro {
	return cel.GlobalMacro("has", 1, func(f cel.MacroExprFactory, target ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
		test, err := parser.MakeHas(f, target, args)
		if err != nil {
			return nil, err
		}
		for way := args[0].AsSelect().Operand(); way.Kind() == ast.SelectKind; way = way.AsSelect().Operand() {
			before := f.NewPresenceTest(f.Copy(way.AsSelect().Operand()), way.AsSelect().FieldName())
			test = f.NewCall(operators.LogicalAnd, before, test)
		}
		return test, nil
	})
}

// check parses and checks text.
func (l *language) check(p *parser.Parser, text string) (*ast.AST, []Problem) {
	source := common.NewTextSource(text)
	parsed, errs := p.Parse(source)
	if len(errs.GetErrors()) > 0 {
		return nil, problems(text, errs.GetErrors(), nil)
	}
	if found := forbidden(text, parsed); found != nil {
		return nil, found
	}
	checked, errs := checker.Check(parsed, source, l.checker)
	if len(errs.GetErrors()) > 0 {
		return nil, problems(text, errs.GetErrors(), parsed)
	}
	if found := invalidDates(text, parsed); found != nil {
		return nil, found
	}
	issues := cel.NewIssuesWithSourceInfo(common.NewErrors(source), checked.SourceInfo())
	for function, validator := range l.validators {
		if strings.Contains(text, function) { // few do, and each validator walks the whole
			validator.Validate(l.env, nil, checked, issues)
		}
	}
	return checked, problems(text, issues.Errors(), parsed)
}

// plan makes a program of what check returned. CEL counts the steps of one with loops.
func (l *language) plan(checked *ast.AST, evaluate cel.EvalOption, loops bool) (cel.Program, error) {
	options := []cel.ProgramOption{cel.EvalOptions(evaluate), cel.CustomDecoratorV2(l.charging)}
	if loops {
		options = append(options, cel.CostTracking(payment{}), cel.CostLimit(costLimit), cel.InterruptCheckFrequency(interruptEvery))
	}
	return l.env.PlanProgram(checked, options...)
}
