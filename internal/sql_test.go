package internal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// looksLikeSQL is a text that a database would read.
var looksLikeSQL = regexp.MustCompile(`\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|WHERE|ORDER BY|LIMIT)\b|[=<>] *\?|@\w+`)

// No statement is put together from anything but constants: what comes from people is always a
// parameter. So in files that know the database no SQL is formatted, and none is joined with a
// name that has ever been given something else than a constant.
func TestStatementsAreConstants(t *testing.T) {
	seen := 0
	for _, s := range sources(t) {
		if !slices.Contains(s.imports, "gorm.io/gorm") && !slices.Contains(s.imports, module+"internal/db") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", s.file), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		outside := assignments(nil, f.Decls...)
		for _, d := range f.Decls {
			given := assignments(outside, d)
			ast.Inspect(d, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BinaryExpr:
					if n.Op == token.ADD && holdsSQL(n) {
						seen++
						if !isConstant(n, given, nil) {
							t.Errorf("%s joins SQL with something that is not a constant", s.file)
						}
						return false
					}
				case *ast.CallExpr:
					if called, ok := n.Fun.(*ast.SelectorExpr); ok && called.Sel.Name == "Sprintf" && len(n.Args) > 0 && holdsSQL(n.Args[0]) {
						t.Errorf("%s formats SQL", s.file)
					}
				}
				return true
			})
		}
	}
	if seen == 0 {
		t.Error("no joined statement was found: the search is wrong")
	}
}

// assignments are all that a name of a function is ever given, or of a file outside of its functions.
// A parameter, or a value of a list of results, is nil: not known.
func assignments(outside map[string][]ast.Expr, decls ...ast.Decl) map[string][]ast.Expr {
	out := maps.Clone(outside)
	if out == nil {
		out = map[string][]ast.Expr{}
	}
	note := func(names []ast.Expr, values []ast.Expr) {
		for i, name := range names {
			if id, ok := name.(*ast.Ident); ok {
				var value ast.Expr
				if len(names) == len(values) {
					value = values[i]
				}
				out[id.Name] = append(out[id.Name], value)
			}
		}
	}
	for _, d := range decls {
		if _, function := d.(*ast.FuncDecl); function && outside == nil {
			continue
		}
		ast.Inspect(d, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				note(n.Lhs, n.Rhs)
			case *ast.ValueSpec:
				var names []ast.Expr
				for _, id := range n.Names {
					names = append(names, id)
				}
				note(names, n.Values)
			case *ast.Field:
				for _, id := range n.Names {
					out[id.Name] = append(out[id.Name], nil)
				}
			}
			return true
		})
	}
	return out
}

func holdsSQL(n ast.Node) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && looksLikeSQL.MatchString(lit.Value) {
			found = true
		}
		return !found
	})
	return found
}

// isConstant follows names through everything they are given, each once.
func isConstant(e ast.Expr, given map[string][]ast.Expr, inside []string) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.ParenExpr:
		return isConstant(e.X, given, inside)
	case *ast.BinaryExpr:
		return isConstant(e.X, given, inside) && isConstant(e.Y, given, inside)
	case *ast.Ident:
		if slices.Contains(inside, e.Name) {
			return true
		}
		values := given[e.Name]
		return len(values) > 0 && !slices.ContainsFunc(values, func(v ast.Expr) bool {
			return v == nil || !isConstant(v, given, append(inside, e.Name))
		})
	}
	return false
}
