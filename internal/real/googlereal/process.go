// SPDX-License-Identifier: Apache-2.0

package googlereal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// lifeline runs a program, ends it when standard input ends, collects it, and
// then ends what is left of the process group. The other end of standard input
// is ours, so that it ends however we go, SIGKILL included.
const lifeline = `
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
(cat <&3 >/dev/null; kill -KILL $program) &
wait $program
kill -KILL 0`

const (
	readyBound    = 2 * time.Minute // for a start; it takes seconds
	readyInterval = 50 * time.Millisecond
	stopBound     = 10 * time.Second // for an end; it takes milliseconds
	tailBytes     = 4 << 10
)

// process is a program that was started.
type process struct {
	name string
	log  *os.File // without a name any more, so that it never outlives the process
	life io.Closer
	done chan struct{} // closed once it has ended
}

// start starts a program with further variables.
func start(name string, env []string, args ...string) (*process, error) {
	log, err := os.CreateTemp("", name+"-*.log")
	if err == nil {
		err = os.Remove(log.Name())
	}
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	cmd := exec.Command("sh", append([]string{"-c", lifeline, "sh"}, args...)...)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = append(os.Environ(), env...), log, log, group()
	life, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", name, err), log.Close())
	}
	p := &process{name: name, log: log, life: life, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // it is killed, whatever happens
		close(p.done)
	}()
	return p, nil
}

// stop ends the program and all that it started.
func (p *process) stop() error {
	_ = p.life.Close() // where it has ended by itself, so has this
	timer := time.NewTimer(stopBound)
	defer timer.Stop()
	select {
	case <-p.done:
		return p.log.Close()
	case <-timer.C:
		return fmt.Errorf("%s did not end within %s; its log ends with:\n%s", p.name, stopBound, p.tail())
	}
}

// tail is the end of the program's log.
func (p *process) tail() string {
	info, err := p.log.Stat()
	if err != nil {
		return err.Error()
	}
	end := io.NewSectionReader(p.log, max(0, info.Size()-tailBytes), tailBytes)
	text, err := io.ReadAll(end)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// ready waits until the program answers a GET with 200, and ends it where it does not.
func (p *process) ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, readyBound)
	defer cancel()
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	ticker := time.NewTicker(readyInterval)
	defer ticker.Stop()
	for {
		if answers(ctx, client, url) {
			return nil
		}
		var why error
		select {
		case <-p.done:
			why = errors.New("it ended")
		case <-ctx.Done():
			why = ctx.Err()
		case <-ticker.C:
			continue
		}
		return errors.Join(fmt.Errorf("starting %s: %w; its log ends with:\n%s", p.name, why, p.tail()), p.stop())
	}
}

func answers(ctx context.Context, client *http.Client, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

// Below the ports that systems choose from for outgoing connections (Linux
// from 32768, macOS from 49152), so that none of those takes it first.
const firstPort, ports, portTries = 20000, 12000, 100

// freeAddress is an address on which nothing listens.
func freeAddress(ctx context.Context) (string, error) {
	var refused error
	for range portTries {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+rand.IntN(ports)))
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err == nil {
			return address, listener.Close()
		}
		refused = err
	}
	return "", fmt.Errorf("finding a free port: %w", refused)
}
