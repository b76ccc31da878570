package product

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"chaffer/internal/httpjson"
	"chaffer/internal/wire"
)

type oneProduct struct {
	ProductID string `path:"productId" minLength:"1" maxLength:"64"`
}

type putProduct struct {
	ProductID string `path:"productId" minLength:"1" maxLength:"64"`
	Body      CardJSON
}

type productReply struct {
	Status int
	Body   wire.Envelope[ProductJSON]
}

type noteReply struct{ Body wire.Note }

// Register adds the catalogue's routes. The router must let only the shop's backend through.
func Register(api *httpjson.API, s *Service) {
	operation := func(method, id, summary string, errs ...int) huma.Operation {
		return huma.Operation{
			Method: method, OperationID: id, Summary: summary, Path: "/api/v1/products/{productId}", Tags: []string{"Catalogue"},
			Security: []map[string][]string{{"service": {}}}, Errors: append([]int{401, 429, 503}, errs...),
		}
	}
	put := operation(http.MethodPut, "putProduct", "Publish a product, or replace what is known of it", 413)
	put.Responses = map[string]*huma.Response{"201": {
		Description: "Published for the first time.",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Ref: "#/components/schemas/EnvelopeProductJSON"}}},
	}}
	httpjson.Handle(api, put, func(ctx context.Context, in *putProduct) (*productReply, error) {
		p, created, err := s.Put(ctx, fromWire(in.ProductID, in.Body))
		if err != nil {
			return nil, err
		}
		status, message := http.StatusOK, "Product has been updated"
		if created {
			status, message = http.StatusCreated, "Product has been published"
		}
		return &productReply{status, wire.Envelope[ProductJSON]{Message: message, StatusCode: status, Data: toWire(p)}}, nil
	})
	httpjson.Handle(api, operation(http.MethodGet, "getProduct", "What the catalogue knows of a product", 404),
		func(ctx context.Context, in *oneProduct) (*productReply, error) {
			p, err := s.Find(ctx, in.ProductID)
			if err != nil {
				return nil, err
			}
			return &productReply{http.StatusOK, wire.OK("Product has been sent successfully", toWire(p))}, nil
		})
	httpjson.Handle(api, operation(http.MethodDelete, "deleteProduct", "Take a product out of the catalogue", 404),
		func(ctx context.Context, in *oneProduct) (*noteReply, error) {
			if err := s.Delete(ctx, in.ProductID); err != nil {
				return nil, err
			}
			return &noteReply{wire.Note{Message: "Product has been deleted successfully", StatusCode: http.StatusOK}}, nil
		})
}
