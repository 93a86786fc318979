// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/decls"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/stdlib"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// mixed declares the standard library with arithmetic and equality between int
// and double beside CEL's own, so that a rule works alike for 150 and 150.25.
// A library function may not be extended, only replaced.
func mixed() ([]cel.EnvOption, error) {
	replaced := map[string]decls.FunctionOpt{
		operators.Add:       arithmetic(traits.AdderType, func(a, b ref.Val) ref.Val { return a.(traits.Adder).Add(b) }),
		operators.Subtract:  arithmetic(traits.SubtractorType, func(a, b ref.Val) ref.Val { return a.(traits.Subtractor).Subtract(b) }),
		operators.Multiply:  arithmetic(traits.MultiplierType, func(a, b ref.Val) ref.Val { return a.(traits.Multiplier).Multiply(b) }),
		operators.Divide:    arithmetic(traits.DividerType, func(a, b ref.Val) ref.Val { return a.(traits.Divider).Divide(b) }),
		operators.Equals:    arithmetic(0, types.Equal),
		operators.NotEquals: arithmetic(0, func(a, b ref.Val) ref.Val { return !types.Equal(a, b).(types.Bool) }),
	}
	standard := env.NewLibrarySubset()
	var functions []*decls.FunctionDecl
	for _, std := range stdlib.Functions() {
		binding, ok := replaced[std.Name()]
		if !ok {
			continue
		}
		standard.AddExcludedFunctions(env.NewFunction(std.Name()))
		f, err := decls.NewFunction(std.Name(), append(overloads(std), binding)...)
		if err != nil {
			return nil, err
		}
		functions = append(functions, f)
	}
	return []cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(standard)),
		cel.FunctionDecls(functions...),
		cel.CrossTypeNumericComparisons(true), // the same for < and its kin
	}, nil
}

// arithmetic binds an operator to op, which meets no int beside a double.
func arithmetic(trait int, op func(a, b ref.Val) ref.Val) decls.FunctionOpt {
	return decls.SingletonBinaryBinding(func(a, b ref.Val) ref.Val {
		switch left := a.(type) {
		case types.Int:
			if _, ok := b.(types.Double); ok {
				a = types.Double(left)
			}
		case types.Double:
			if right, ok := b.(types.Int); ok {
				b = types.Double(right)
			}
		}
		return op(a, b)
	}, trait)
}

// overloads are those of the standard function, and the two that mix numbers.
func overloads(std *decls.FunctionDecl) []decls.FunctionOpt {
	var opts []decls.FunctionOpt
	for _, o := range std.OverloadDecls() {
		if slices.ContainsFunc(o.ArgTypes(), func(t *types.Type) bool { return t.Kind() == types.TypeParamKind }) {
			opts = append(opts, equalities(std.Name())...)
			continue
		}
		opts = append(opts, decls.Overload(o.ID(), o.ArgTypes(), o.ResultType()))
	}
	result := types.DoubleType
	if std.Name() == operators.Equals || std.Name() == operators.NotEquals {
		result = types.BoolType
	}
	return append(opts,
		decls.Overload(std.Name()+"int64_double", []*types.Type{types.IntType, types.DoubleType}, result),
		decls.Overload(std.Name()+"double_int64", []*types.Type{types.DoubleType, types.IntType}, result))
}

// equalities spell out what the standard library says with a type parameter,
// which leaves no place for another pair: two values of one type.
func equalities(name string) []decls.FunctionOpt {
	a, b := types.NewTypeParamType("A"), types.NewTypeParamType("B")
	var opts []decls.FunctionOpt
	for _, t := range []*types.Type{
		types.BoolType, types.BytesType, types.DoubleType, types.DurationType, types.IntType, types.NullType,
		types.StringType, types.TimestampType, types.UintType, types.NewTypeTypeWithParam(a),
		types.NewListType(a), types.NewMapType(a, b), types.NewOptionalType(a),
	} {
		opts = append(opts, decls.Overload(name+t.TypeName(), []*types.Type{t, t}, types.BoolType))
	}
	return opts
}
