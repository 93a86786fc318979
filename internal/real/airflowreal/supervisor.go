// SPDX-License-Identifier: Apache-2.0

package airflowreal

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// supervise.py is in Python because an Airflow has a Python by definition, and
// because a program cannot run itself again as its own watchdog without a hook in every main.
//
//go:embed supervise.py
var superviseScript []byte

// supervisor owns a folder for everything that one Airflow writes, and starts
// the programs that work in it. Each runs under its own small process,
// which ends it, and all that it started, once this program closes a pipe or
// goes, however it goes. One such process more removes the folder, last.
type supervisor struct {
	folder string
	python string
	remove *process
}

// command is a program to be supervised.
type command struct {
	name string // of its log, NAME.log
	args []string
	env  []string
	user string // who runs it; empty: this program's user
	stop string // the signal that asks it to go, SIGINT say; empty: it is killed at once
}

// process is a command that was started.
type process struct {
	name     string
	log      string // the path
	lifeline io.Closer
	watchdog *os.Process
	done     chan struct{} // closed once it, and all that it started, has ended
	err      error         // how it ended; read after done
	ending   sync.Once
}

// stopBound is how long ending a process may take: the time that supervise.py
// gives a command to go by itself, and as much again. It bounds hangs; a stop takes milliseconds.
const stopBound = 20 * time.Second

// newSupervisor makes the folder, which goes when the supervisor is closed.
func newSupervisor(python string) (*supervisor, error) {
	folder, err := os.MkdirTemp("", "airflow-")
	if err != nil {
		return nil, fmt.Errorf("making a folder to work in: %w", err)
	}
	s := &supervisor{folder: folder, python: python}
	if err := s.furnish(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	return s, nil
}

func (s *supervisor) furnish() error {
	for _, name := range []string{"log", "tmp"} {
		if err := os.Mkdir(s.path(name), 0o700); err != nil {
			return fmt.Errorf("making a folder to work in: %w", err)
		}
	}
	for name, content := range map[string][]byte{"supervise.py": superviseScript, "supervisors": nil} {
		if err := os.WriteFile(s.path(name), content, 0o600); err != nil {
			return fmt.Errorf("filling the folder to work in: %w", err)
		}
	}
	if os.Geteuid() == 0 {
		// PostgreSQL runs as another user then, and must reach its folder in here.
		if err := os.Chmod(s.folder, 0o711); err != nil {
			return fmt.Errorf("opening the folder to PostgreSQL: %w", err)
		}
	}
	var err error
	s.remove, err = s.launch("remove", nil, nil)
	return err
}

// path joins parts below the supervisor's folder.
func (s *supervisor) path(parts ...string) string {
	return filepath.Join(append([]string{s.folder}, parts...)...)
}

// start starts a command. It returns before the command is ready for anything.
func (s *supervisor) start(c command) (*process, error) {
	return s.launch(c.name, c.env, append([]string{c.stop, c.user}, c.args...))
}

// launch starts supervise.py with an order, or, without one, as the process that removes the folder.
func (s *supervisor) launch(name string, env, order []string) (*process, error) {
	log, err := os.OpenFile(s.path("log", name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	defer log.Close()
	// -I and -S: the script needs nothing but the standard library, and starts faster without the rest.
	cmd := exec.Command(s.python, append([]string{"-I", "-S", s.path("supervise.py"), s.folder}, order...)...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = s.folder, env, log, log, detached()
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p := &process{name: name, log: log.Name(), lifeline: lifeline, watchdog: cmd.Process, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// run runs a command to its end.
func (s *supervisor) run(ctx context.Context, c command) error {
	p, err := s.start(c)
	if err != nil {
		return err
	}
	select {
	case <-p.done:
		if p.err != nil {
			return &ExitError{Name: p.name, Err: p.err, Log: p.tail()}
		}
		return nil
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("running %s: %w", c.name, ctx.Err()), p.stop())
	}
}

// stop ends the process and all that it started. Its further calls do nothing.
func (p *process) stop() error {
	var err error
	p.ending.Do(func() {
		err = p.lifeline.Close()
		timer := time.NewTimer(stopBound)
		defer timer.Stop()
		select {
		case <-p.done:
		case <-timer.C:
			err = errors.Join(fmt.Errorf("%s did not end within %s", p.name, stopBound), p.watchdog.Kill())
		}
	})
	if errors.Is(err, os.ErrClosed) { // it had ended by itself
		return nil
	}
	return err
}

// close removes the folder, after every process in it has ended.
func (s *supervisor) close() error {
	err := s.remove.stop()
	if err == nil && s.remove.err != nil {
		err = fmt.Errorf("removing %s: %w", s.folder, s.remove.err)
	}
	return err
}

// ExitError says that a program of Airflow ended when it should not have, or not well.
type ExitError struct {
	Name string // of the program
	Err  error  // its exit status
	Log  string // the end of its log
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("%s ended with %v; the end of its log:\n%s", e.Name, e.Err, e.Log)
}

func (e *ExitError) Unwrap() error { return e.Err }

const tailLines, tailBytes = 40, 16 << 10

// tail returns the end of the process's log, indented.
func (p *process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return "    (" + err.Error() + ")"
	}
	text = text[max(0, len(text)-tailBytes):]
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	lines = lines[max(0, len(lines)-tailLines):]
	return "    " + strings.Join(lines, "\n    ")
}
