// SPDX-License-Identifier: Apache-2.0

package deployment_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/operator/deployment"
	"example.com/dagtrigger/internal/real/realtest"
)

// line is a command that a reader of the repository may type into a shell.
type line struct {
	place string // FILE:LINE
	text  string
	words []string
	// named says that it may stand there for its name alone, without all that it
	// needs: inside a sentence, or as the beginning that a test looks for.
	named bool
}

// takes reports whether gcloud accepts a command.
func (l line) takes(said string) bool {
	lacks := strings.Contains(said, "ust be specified") || strings.HasPrefix(said, "(gcloud") && strings.Contains(said, "Exactly one of")
	return said == "ok" || unfinished(said) || l.named && lacks
}

// TestGcloudAcceptsEveryCommand has the real gcloud parse each of its commands in
// the repository: in scripts, on pages, and in what the program says. Words in
// capitals and variables stand for what a reader puts there.
func TestGcloudAcceptsEveryCommand(t *testing.T) {
	t.Parallel()
	realtest.Need(t, needGcloud)
	gcloud, err := findSDK()
	if err != nil {
		t.Fatal(err)
	}
	lines := repositoryLines(t)
	for _, p := range []deployment.Plan{everythingPlanned(t), contained(t), pulled(t)} {
		lines = append(lines, scan("the plan of everything", p.Text())...)
		lines = append(lines, scan("its deploy.sh", p.Script())...)
		lines = append(lines, scan("its undeploy.sh", p.UndoScript())...)
	}
	if len(lines) < 100 {
		t.Fatalf("only %d commands were found", len(lines))
	}
	said := gcloud.parse(t, lines)
	for i, l := range lines {
		if !l.takes(said[i]) {
			t.Errorf("%s: %s\n%s", l.place, l.text, said[i])
		}
	}
}

// hole stands for a part of a text that is only known when the program runs.
const hole = "HOLE"

// unfinished reports whether a command has a hole where gcloud checks the form of
// a word. The tests of that command have it in full, and those are parsed.
func unfinished(said string) bool {
	return strings.Contains(said, "'"+hole) || strings.Contains(said, "["+hole)
}

// parse has gcloud parse all lines in one process, and returns what it says of each.
func (s sdk) parse(t *testing.T, lines []line) []string {
	t.Helper()
	cmd := s.command(t, "parse", s.root)
	var in strings.Builder
	for _, l := range lines {
		text, err := json.Marshal(l.words)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(text, '\n'))
	}
	cmd.Stdin = strings.NewReader(in.String())
	cmd.Dir = root // where the files are that commands name
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var said []string
	for answers := bufio.NewScanner(strings.NewReader(string(out))); answers.Scan(); {
		var one string
		if err := json.Unmarshal(answers.Bytes(), &one); err != nil {
			t.Fatalf("%v: %s", err, answers.Text())
		}
		said = append(said, one)
	}
	if len(said) != len(lines) {
		t.Fatalf("gcloud says something of %d commands, not of %d\n%s", len(said), len(lines), stderr.String())
	}
	return said
}

// repositoryLines are the commands in all files of the repository.
func repositoryLines(t *testing.T) (lines []line) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || name == "internal/operator/deployment"): // this package's are in its plan
			return filepath.SkipDir
		case d.IsDir():
			return nil
		}
		switch extension := filepath.Ext(name); {
		case extension == ".go":
			lines = append(lines, goLines(t, path, name)...)
		case extension == ".md" || extension == ".sh" || extension == ".tf" || extension == ".txt" ||
			extension == ".yaml" || extension == ".yml" || extension == ".json" || extension == ".py" || name == ".ci/run":
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if extension == ".json" || extension == ".tf" {
				text = []byte(strings.NewReplacer(`\n`, "\n", `\"`, `"`).Replace(string(text)))
			}
			lines = append(lines, scan(name, string(text))...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// goLines are the commands in the texts and comments of a Go file.
func goLines(t *testing.T, path, name string) (lines []line) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	at := func(node ast.Node) string { return fmt.Sprintf("%s:%d", name, files.Position(node.Pos()).Line) }
	ast.Inspect(file, func(node ast.Node) bool {
		expr, ok := node.(ast.Expr)
		if !ok {
			return true
		}
		text, ok := textOf(expr)
		if ok {
			lines = append(lines, scan(at(node), text)...)
		}
		return !ok
	})
	for _, comment := range file.Comments {
		lines = append(lines, scan(at(comment), strings.ReplaceAll(comment.Text(), "\n", " "))...)
	}
	return lines
}

// textOf is the text that an expression makes, with holes for what only running
// it would tell.
func textOf(expr ast.Expr) (string, bool) {
	switch e := expr.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return regexp.MustCompile(`%[sdqv]`).ReplaceAllString(text, hole), e.Kind == token.STRING && err == nil
	case *ast.BinaryExpr:
		left, isLeft := textOf(e.X)
		right, isRight := textOf(e.Y)
		if e.Op != token.ADD || !isLeft && !isRight {
			return "", false
		}
		if !isLeft {
			left = hole
		}
		if !isRight {
			right = hole
		}
		return left + right, true
	default:
		return "", false
	}
}

// command is how a command begins. In prose, gcloud is followed by something else.
var command = regexp.MustCompile(`\bgcloud (?:alpha |beta )?(` + strings.Join([]string{
	"alpha", "artifacts", "auth", "builds", "components", "composer", "compute", "config", "eventarc", "firestore", "functions",
	"iam", "iap", "info", "init", "logging", "meta", "monitoring", "organizations", "projects", "pubsub",
	"run", "scheduler", "secrets", "services", "storage", "topic",
	"version",
}, "|") + `)\b`)

// scan finds the commands in a text.
func scan(place, text string) (lines []line) {
	for {
		at := command.FindStringIndex(text)
		if at == nil {
			return lines
		}
		words, rest := split(text[at[0]:])
		typed := strings.TrimSpace(text[at[0] : len(text)-len(rest)])
		if len(words) > 2 { // else prose names a group of them
			named := strings.HasPrefix(rest, "`") || strings.HasPrefix(rest, `"`) || rest == "" && strings.Contains(place, "_test.go")
			lines = append(lines, line{place, typed, filled(words[1:]), named})
		}
		text = rest
	}
}

// split reads a command as a shell does, up to where it ends or prose goes on.
func split(text string) (words []string, rest string) {
	var word strings.Builder
	var quote byte
	within := false
	flush := func() {
		if within {
			words = append(words, word.String())
		}
		word.Reset()
		within = false
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote == 0 && ends(text[i:]) || quote != 0 && c == '\n' && !strings.Contains(text[i:], string(quote)):
			flush()
			return words, text[i:]
		case c == '\\' && quote != '\'' && i+1 < len(text):
			i++
			if text[i] != '\n' {
				word.WriteByte(text[i])
			}
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, within = c, true
		case quote == 0 && c == ' ':
			flush()
		default:
			word.WriteByte(c)
			within = true
		}
	}
	flush()
	return words, ""
}

// ends reports whether a command ends where text begins, outside its quotes.
func ends(text string) bool {
	for _, end := range []string{"\n", "`", ")", ";", "|", ">", "&", ", ", ". ", ".\n", ": ", " # ", " (", "\" ", "\"\n", "\".", "\","} {
		if strings.HasPrefix(text, end) {
			return true
		}
	}
	return text == "." || text == "\""
}

// examples are what stands in the place of words in capitals and of variables,
// where gcloud looks at a value's form.
var examples = map[string]string{
	"PROJECT": "acme-1", "COMPOSER_PROJECT": "acme-1", "PROJECT_ID": "acme-1", "EMAIL": "robot@acme-1.iam.gserviceaccount.com",
	"ACCOUNT": "robot@acme-1.iam.gserviceaccount.com", "RUNTIME_ACCOUNT": "robot@acme-1.iam.gserviceaccount.com",
	"FUNCTION": "dagtrigger", "NUMBER": "4711", "MEMBER": "serviceAccount:robot@acme-1.iam.gserviceaccount.com",
	"URL": "https://dagtrigger.example.com", "SUBSCRIPTION": "orders", "TIME": "2026-11-30T09:00:00Z", "SOURCE": ".",
	"TRIGGER": "projects/acme-1/locations/europe-west1/triggers/t",
}

// filled puts examples in the place of words in capitals and of variables.
func filled(words []string) []string {
	for i, word := range words {
		word = regexp.MustCompile(`\$\{?([A-Za-z_]+)\}?`).ReplaceAllString(word, "$1")
		words[i] = regexp.MustCompile(`[A-Z][A-Z_]*[A-Z]`).ReplaceAllStringFunc(word, func(name string) string {
			if example, ok := examples[name]; ok {
				return example
			}
			return name
		})
	}
	return words
}
