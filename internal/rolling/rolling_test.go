package rolling_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/internal/rolling"
)

// idle is how long a body may bring nothing in these tests.
const idle = 300 * time.Millisecond

// server calls use with the body of each request, behind a server whose own deadline for a
// whole request is shorter than the bodies here take.
func server(t *testing.T, use func(*rolling.Body) (string, error)) (address string) {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := rolling.New(w, r.Body, idle)
		defer b.Done()
		text, err := use(b)
		if err != nil {
			text = err.Error()
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = io.WriteString(w, text)
	}))
	s.Config.ReadTimeout, s.Config.WriteTimeout = idle, idle
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// all reads a body to its end.
func all(b *rolling.Body) (string, error) {
	data, err := io.ReadAll(b)
	return string(data), err
}

// client is a connection that sends what it is told, when it is told.
type client struct {
	t *testing.T
	c net.Conn
}

func dial(t *testing.T, address string) client {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(context.Background(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(30*time.Second)))
	return client{t, c}
}

func (c client) send(text string) {
	c.t.Helper()
	_, err := io.WriteString(c.c, text)
	require.NoError(c.t, err)
}

// answer returns the status and the text of the answer.
func (c client) answer() (int, string) {
	c.t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(c.c), nil)
	require.NoError(c.t, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	require.NoError(c.t, err)
	return res.StatusCode, string(text)
}

const post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n"

func TestSlowBodyIsRead(t *testing.T) {
	c := dial(t, server(t, all))
	c.send(post)
	for _, letter := range "abcdef" { // 0.9 s in all, three times what the server gives a request
		time.Sleep(idle / 2)
		c.send(string(letter))
	}
	status, text := c.answer()
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "abcdef", text)
}

func TestBodyThatStandsStill(t *testing.T) {
	var read string
	var why error
	c := dial(t, server(t, func(b *rolling.Body) (string, error) {
		data, err := io.ReadAll(b)
		read, why = string(data), b.Err()
		return "", err
	}))
	c.send(post + "abc")
	status, _ := c.answer()
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Equal(t, "abc", read, "what had come")
	assert.ErrorIs(t, why, os.ErrDeadlineExceeded)
}

func TestClientThatGoes(t *testing.T) {
	ended := make(chan error, 1)
	c := dial(t, server(t, func(b *rolling.Body) (string, error) {
		_, err := io.ReadAll(b)
		ended <- b.Err()
		return "", err
	}))
	c.send(post + "abc")
	require.NoError(t, c.c.Close())
	assert.ErrorIs(t, <-ended, io.ErrUnexpectedEOF)
}

// The Store may take longer over a body than a client may be silent.
func TestWholeBodyHasNoDeadline(t *testing.T) {
	c := dial(t, server(t, func(b *rolling.Body) (string, error) {
		text, err := all(b)
		time.Sleep(3 * idle)
		return text, errors.Join(err, b.Err())
	}))
	c.send(post + "abcdef")
	status, text := c.answer()
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "abcdef", text)
}

func TestNoBody(t *testing.T) {
	b := rolling.New(httptest.NewRecorder(), nil, idle)
	text, err := all(b)
	require.NoError(t, err)
	assert.Empty(t, text)
	b.Interrupt(errors.New("too late"))
	assert.NoError(t, b.Err(), "what is whole is not interrupted")
	b.Done()
	assert.NoError(t, b.Close())
}

func TestInterruptKeepsWhatHasArrived(t *testing.T) {
	cause := errors.New("somebody else goes on")
	arrived := make(chan struct{})
	var read string
	var why error
	c := dial(t, server(t, func(b *rolling.Body) (string, error) {
		<-arrived
		b.Interrupt(cause)
		data, err := io.ReadAll(b)
		read, why = string(data), b.Err()
		return "", err
	}))
	c.send(post + "abc")
	time.Sleep(20 * time.Millisecond) // for the bytes to be there
	close(arrived)
	status, text := c.answer()
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Equal(t, cause.Error(), text)
	assert.Equal(t, "abc", read)
	assert.Equal(t, cause, why)
}

func TestInterruptEndsAReadThatWaits(t *testing.T) {
	cause := errors.New("somebody else goes on")
	c := dial(t, server(t, func(b *rolling.Body) (string, error) {
		go func() {
			time.Sleep(20 * time.Millisecond)
			b.Interrupt(cause)
			b.Interrupt(errors.New("the first counts"))
		}()
		return all(b)
	}))
	c.send(post + "abc")
	_, text := c.answer()
	assert.Equal(t, cause.Error(), text)
}

// A client that never stops sending does not keep an interrupted body going.
func TestInterruptEndsAnEndlessBody(t *testing.T) {
	cause := errors.New("somebody else goes on")
	c := dial(t, server(t, func(b *rolling.Body) (string, error) {
		b.Interrupt(cause)
		return all(b)
	}))
	c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
	go func() {
		for {
			if _, err := io.WriteString(c.c, "abc"); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	_, text := c.answer()
	assert.Equal(t, cause.Error(), text)
}

// Where a middleware hides the connection, the body is read as ever.
func TestWithoutDeadlines(t *testing.T) {
	type hidden struct{ http.ResponseWriter }
	b := rolling.New(hidden{httptest.NewRecorder()}, io.NopCloser(&letters{"ab", "cd"}), idle)
	text, err := all(b)
	require.NoError(t, err)
	assert.Equal(t, "abcd", text)
	b.Done()
}

func TestErrorStays(t *testing.T) {
	broken := errors.New("broken")
	b := rolling.New(httptest.NewRecorder(), io.NopCloser(io.MultiReader(&letters{"ab"}, failing{broken})), idle)
	text, err := all(b)
	assert.Equal(t, "ab", text)
	assert.Equal(t, broken, err)
	_, err = b.Read(make([]byte, 1))
	assert.Equal(t, broken, err)
	assert.Equal(t, broken, b.Err())
}

// letters yields one of its strings with each Read.
type letters []string

func (l *letters) Read(p []byte) (int, error) {
	if len(*l) == 0 {
		return 0, io.EOF
	}
	n := copy(p, (*l)[0])
	*l = (*l)[1:]
	return n, nil
}

// failing is a reader that fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
