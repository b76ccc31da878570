package wire

import "github.com/danielgtaylor/huma/v2"

// Schema describes what an ID comes in as and goes out as.
func (ID) Schema(huma.Registry) *huma.Schema {
	length := MaxIDLength
	minimum, maximum := 0.0, float64(maxSafeInteger)
	return &huma.Schema{
		Description: "An opaque id of 1–64 printable characters; a whole number up to 2^53−1 goes out as a number and may come in as either.",
		OneOf: []*huma.Schema{
			{Type: huma.TypeInteger, Minimum: &minimum, Maximum: &maximum},
			{Type: huma.TypeString, MaxLength: &length},
		},
		Examples: []any{2},
	}
}

// Schema describes a Time.
func (Time) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Description: "RFC 3339, UTC, milliseconds.", Examples: []any{"2025-02-27T10:43:41.905Z"}}
}

// Schema describes what a Price comes in as; it goes out as a string.
func (Price) Schema(huma.Registry) *huma.Schema {
	minimum := 0.0
	return &huma.Schema{
		Description: "An exact decimal; it comes in as a number or a string and goes out as a string.",
		OneOf: []*huma.Schema{
			{Type: huma.TypeString, Pattern: `^(\d{1,15}(\.\d{1,6})?)?$`},
			{Type: huma.TypeNumber, Minimum: &minimum},
		},
		Examples: []any{"299.99"},
	}
}
