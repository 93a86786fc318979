// SPDX-License-Identifier: Apache-2.0

// Command provider is a provider of Terraform that has any other's schema and
// makes nothing: Terraform checks a configuration against the schema, and plans
// it. What the other would compute is TYPE.NAME.ATTRIBUTE here, so that a plan
// shows what refers to what.
//
// It reads the schema from the file PROVIDER_SCHEMAS/NAME.json, where its own
// file name is terraform-provider-NAME.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	name := strings.TrimPrefix(filepath.Base(os.Args[0]), "terraform-provider-")
	text, err := os.ReadFile(filepath.Join(os.Getenv("PROVIDER_SCHEMAS"), name+".json"))
	if err != nil {
		return err
	}
	s := &server{}
	if err := json.Unmarshal(text, &s.schema); err != nil {
		return err
	}
	return tf5server.Serve("registry.terraform.io/hashicorp/"+name, func() tfprotov5.ProviderServer { return s })
}

// schema is that of a provider.
type schema struct {
	Provider  block
	Resources map[string]block
	Data      map[string]block
}

type block struct {
	Attributes map[string]attribute
	Blocks     map[string]nested
}

type attribute struct {
	Type               string // string, number, bool, or one of these after list: or map:
	Required, Computed bool
}

type nested struct {
	Required, Many bool
	// Computed says that the provider fills the block in where it is not given.
	// Terraform then takes it for an attribute.
	Computed bool
	Block    block
}

// server answers Terraform. What it does not define is never asked of it by a plan.
type server struct {
	tfprotov5.ProviderServer
	schema schema
}

func (s *server) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	return &tfprotov5.GetProviderSchemaResponse{
		Provider:          s.schema.Provider.schema(),
		ResourceSchemas:   schemas(s.schema.Resources),
		DataSourceSchemas: schemas(s.schema.Data),
	}, nil
}

func (s *server) PrepareProviderConfig(_ context.Context,
	r *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: r.Config}, nil
}

func (s *server) ConfigureProvider(context.Context, *tfprotov5.ConfigureProviderRequest) (*tfprotov5.ConfigureProviderResponse, error) {
	return &tfprotov5.ConfigureProviderResponse{}, nil
}

func (s *server) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}

func (s *server) ValidateResourceTypeConfig(context.Context,
	*tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	return &tfprotov5.ValidateResourceTypeConfigResponse{}, nil
}

func (s *server) ValidateDataSourceConfig(context.Context,
	*tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	return &tfprotov5.ValidateDataSourceConfigResponse{}, nil
}

func (s *server) PlanResourceChange(_ context.Context, r *tfprotov5.PlanResourceChangeRequest) (*tfprotov5.PlanResourceChangeResponse,
	error) {
	planned, err := fill(r.TypeName, s.schema.Resources[r.TypeName], r.ProposedNewState)
	return &tfprotov5.PlanResourceChangeResponse{PlannedState: planned}, err
}

func (s *server) ReadDataSource(_ context.Context, r *tfprotov5.ReadDataSourceRequest) (*tfprotov5.ReadDataSourceResponse, error) {
	state, err := fill(r.TypeName, s.schema.Data[r.TypeName], r.Config)
	return &tfprotov5.ReadDataSourceResponse{State: state}, err
}

// fill computes what is left to the provider.
func fill(typeName string, b block, config *tfprotov5.DynamicValue) (*tfprotov5.DynamicValue, error) {
	objectType := b.schema().ValueType()
	value, err := config.Unmarshal(objectType)
	if err != nil || value.IsNull() {
		return config, err
	}
	value, err = b.compute(typeName+"."+nameOf(value), value)
	if err != nil {
		return nil, err
	}
	filled, err := tfprotov5.NewDynamicValue(objectType, value)
	return &filled, err
}

// nameOf is what a resource calls itself.
func nameOf(value tftypes.Value) string {
	var members map[string]tftypes.Value
	if value.As(&members) != nil {
		return ""
	}
	for _, key := range []string{"name", "account_id"} {
		var name string
		if member, ok := members[key]; ok && member.IsKnown() && !member.IsNull() && member.As(&name) == nil {
			return name
		}
	}
	return ""
}

func (b block) compute(prefix string, value tftypes.Value) (tftypes.Value, error) {
	if !value.IsKnown() || value.IsNull() {
		return value, nil
	}
	var members map[string]tftypes.Value
	if err := value.As(&members); err != nil {
		return value, err
	}
	for name, a := range b.Attributes {
		if a.Computed && members[name].IsNull() {
			members[name] = a.value(prefix + "." + name)
		}
	}
	for name, n := range b.Blocks {
		if n.Computed && members[name].IsNull() {
			members[name] = n.value(prefix + "." + name)
			continue
		}
		var items []tftypes.Value
		if !members[name].IsKnown() || members[name].As(&items) != nil {
			continue
		}
		for i, item := range items {
			computed, err := n.Block.compute(prefix+"."+name, item)
			if err != nil {
				return value, err
			}
			items[i] = computed
		}
		members[name] = tftypes.NewValue(members[name].Type(), items)
	}
	return tftypes.NewValue(value.Type(), members), nil
}

// value is a computed one.
func (a attribute) value(text string) tftypes.Value {
	if a.Type == "string" {
		return tftypes.NewValue(tftypes.String, text)
	}
	return tftypes.NewValue(a.terraform(), nil)
}

// value is a computed block.
func (n nested) value(prefix string) tftypes.Value {
	members := make(map[string]tftypes.Value)
	for name, a := range n.Block.Attributes {
		members[name] = a.value(prefix + "." + name)
	}
	for name, inner := range n.Block.Blocks {
		members[name] = inner.value(prefix + "." + name)
	}
	object := n.Block.schema().ValueType()
	return tftypes.NewValue(tftypes.List{ElementType: object}, []tftypes.Value{tftypes.NewValue(object, members)})
}

func schemas(of map[string]block) map[string]*tfprotov5.Schema {
	all := make(map[string]*tfprotov5.Schema, len(of))
	for name, b := range of {
		all[name] = b.schema()
	}
	return all
}

func (b block) schema() *tfprotov5.Schema { return &tfprotov5.Schema{Block: b.terraform()} }

func (b block) terraform() *tfprotov5.SchemaBlock {
	s := &tfprotov5.SchemaBlock{}
	for name, a := range b.Attributes {
		s.Attributes = append(s.Attributes, &tfprotov5.SchemaAttribute{
			Name: name, Type: a.terraform(), Required: a.Required, Computed: a.Computed,
			// Only what is asked for by name may be set: all but what is computed alone.
			Optional: !a.Required && (!a.Computed || name == "id"),
		})
	}
	for name, n := range b.Blocks {
		if n.Computed {
			s.Attributes = append(s.Attributes, &tfprotov5.SchemaAttribute{
				Name: name, Type: tftypes.List{ElementType: n.Block.schema().ValueType()}, Optional: true, Computed: true,
			})
			continue
		}
		nesting := &tfprotov5.SchemaNestedBlock{TypeName: name, Block: n.Block.terraform(), Nesting: tfprotov5.SchemaNestedBlockNestingModeList}
		if n.Required {
			nesting.MinItems = 1
		}
		if !n.Many {
			nesting.MaxItems = 1
		}
		s.BlockTypes = append(s.BlockTypes, nesting)
	}
	return s
}

func (a attribute) terraform() tftypes.Type {
	kind, element, ok := strings.Cut(a.Type, ":")
	of := map[string]tftypes.Type{"string": tftypes.String, "number": tftypes.Number, "bool": tftypes.Bool}
	switch {
	case !ok:
		return of[kind]
	case kind == "map":
		return tftypes.Map{ElementType: of[element]}
	default:
		return tftypes.List{ElementType: of[element]}
	}
}
