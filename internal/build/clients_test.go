// SPDX-License-Identifier: Apache-2.0

package build_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A redirect takes along what a client sends: a token, an API key, the conf.
// The fields of a client are checked, because http.Client follows redirects
// unless it has a CheckRedirect.
func TestNoHTTPClientFollowsRedirects(t *testing.T) {
	t.Parallel()
	clients := 0
	for path, file := range sources(t) {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.CompositeLit); ok && isClient(literal.Type) {
				clients++
				if !refusesRedirects(literal) {
					t.Errorf("%s: this client follows redirects: "+
						"set CheckRedirect to a function that returns http.ErrUseLastResponse", path)
				}
			}
			if call, ok := n.(*ast.CallExpr); ok && len(call.Args) == 1 && isClient(call.Args[0]) {
				t.Errorf("%s: new(http.Client) follows redirects: write &http.Client{CheckRedirect: …}", path)
			}
			if v, ok := n.(*ast.ValueSpec); ok && isClient(v.Type) {
				t.Errorf("%s: a zero http.Client follows redirects: write http.Client{CheckRedirect: …}", path)
			}
			return true
		})
	}
	if clients < 5 {
		t.Errorf("%d clients were found: the test does not see them", clients)
	}
}

// sources returns the parsed Go files of the repository by their path.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	const root = "../.."
	files, set := map[string]*ast.File{}, token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || isModule(path)):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		files[path] = file
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// isModule reports whether a folder is a separate module, which is not deployed.
func isModule(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}

// isClient reports whether an expression is the type http.Client.
func isClient(e ast.Expr) bool {
	selector, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	of, ok := selector.X.(*ast.Ident)
	return ok && of.Name == "http" && selector.Sel.Name == "Client"
}

// refusesRedirects reports whether the CheckRedirect of a client returns
// http.ErrUseLastResponse.
func refusesRedirects(client *ast.CompositeLit) (refuses bool) {
	for _, field := range client.Elts {
		pair, ok := field.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		if key, ok := pair.Key.(*ast.Ident); !ok || key.Name != "CheckRedirect" {
			continue
		}
		ast.Inspect(pair.Value, func(n ast.Node) bool {
			if name, ok := n.(*ast.Ident); ok && name.Name == "ErrUseLastResponse" {
				refuses = true
			}
			return true
		})
	}
	return refuses
}
