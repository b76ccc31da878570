package httpjson

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// Optional is a query parameter for which absent and zero are two things.
type Optional[T any] struct {
	Value T
	IsSet bool
}

// Ptr is nil when the parameter was absent.
func (o Optional[T]) Ptr() *T {
	if !o.IsSet {
		return nil
	}
	return &o.Value
}

// Schema describes a T.
func (o Optional[T]) Schema(r huma.Registry) *huma.Schema {
	return huma.SchemaFromType(r, reflect.TypeOf(o.Value))
}

// Receiver is where huma puts the parsed value.
func (o *Optional[T]) Receiver() reflect.Value { return reflect.ValueOf(o).Elem().Field(0) }

// OnParamSet is how huma tells whether there was one.
func (o *Optional[T]) OnParamSet(isSet bool, _ any) { o.IsSet = isSet }
