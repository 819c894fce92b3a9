package vodkit_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The program of the README is the main of examples/quickstart, which the examples'
// own tests build and run, and it has at most 15 statements, error checks aside.
func TestReadmeProgram(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(readme), "```go\n")
	require.True(t, ok, "the README shows a program")
	program, _, ok := strings.Cut(rest, "```")
	require.True(t, ok)

	source, err := os.ReadFile("examples/quickstart/main.go")
	require.NoError(t, err)
	assert.Contains(t, string(source), program, "the README's program is that of examples/quickstart")

	file, err := parser.ParseFile(token.NewFileSet(), "main.go", source, 0)
	require.NoError(t, err)
	statements := 0
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "main" {
			for _, s := range f.Body.List {
				if !isErrorCheck(s) {
					statements++
				}
			}
		}
	}
	assert.Positive(t, statements)
	assert.LessOrEqual(t, statements, 15)
}

// The rest of the README's code is that of packages' examples, which are run, and of
// examples/encrypted, which the browser tests run.
func TestReadmeCode(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	blocks := strings.Split(string(readme), "```go\n")[2:]
	require.Len(t, blocks, 4)
	for i, name := range []string{"upload/tus/example_test.go", "hls/sign/example_test.go", "hls/sign/example_test.go", "examples/encrypted/main.go"} {
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		code, _, ok := strings.Cut(blocks[i], "```")
		require.True(t, ok)
		assert.Contains(t, flush(string(source)), flush(code))
	}
}

// flush takes the indentation off all lines.
func flush(code string) string {
	var b strings.Builder
	for line := range strings.Lines(code) {
		b.WriteString(strings.TrimLeft(line, "\t"))
	}
	return b.String()
}

// isErrorCheck knows check(err), which does nothing else.
func isErrorCheck(s ast.Stmt) bool {
	e, ok := s.(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := e.X.(*ast.CallExpr)
	if !ok || len(call.Args) != 1 {
		return false
	}
	fn, ok := call.Fun.(*ast.Ident)
	arg, isIdent := call.Args[0].(*ast.Ident)
	return ok && isIdent && fn.Name == "check" && arg.Name == "err"
}
