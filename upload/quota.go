package upload

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
)

// grants count, for each tenant, the bytes of uploads under way in this process: they
// are in no record yet, so the host's Quota does not know of them. The zero value is
// ready.
type grants struct {
	mu       sync.Mutex
	underway map[string]int64
}

// add adds n bytes, which may be negative, and returns the tenant's sum.
func (g *grants) add(tenant string, n int64) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.underway == nil {
		g.underway = map[string]int64{}
	}
	sum := g.underway[tenant] + n
	if g.underway[tenant] = sum; sum == 0 {
		delete(g.underway, tenant)
	}
	return sum
}

// grant is what one upload may bring. A nil one is unbounded.
type grant struct {
	p       *Pipeline
	tenant  string
	unknown bool  // no size was announced
	most    int64 // bytes
	held    int64 // bytes that are counted as under way
}

// grant asks the host's Quota whether the tenant may upload size bytes, 0 for unknown.
// What is under way is counted first and asked afterwards, so that of two uploads which
// begin at once both see the other: rather one too many is refused. release gives back
// what is counted, when the bytes are in a record or nowhere.
func (p *Pipeline) grant(ctx context.Context, tenant string, size int64) (_ *grant, release func(), err error) {
	if p.opts.Quota == nil {
		return nil, func() {}, nil
	}
	g, err := p.tryGrant(ctx, tenant, size)
	if errors.Is(err, ErrQuota) { // other processes may have ended sessions that are counted here
		held := p.holds.of(tenant)
		for _, id := range held {
			p.lookAgain(ctx, id)
		}
		if len(held) > 0 {
			g, err = p.tryGrant(ctx, tenant, size)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return g, g.release, nil
}

func (p *Pipeline) tryGrant(ctx context.Context, tenant string, size int64) (*grant, error) {
	g := &grant{p: p, tenant: tenant, unknown: size == 0, held: size}
	others := p.grants.add(tenant, size) - size
	left, err := g.left(ctx)
	if err == nil {
		if g.most = left - others; size > g.most || g.most <= 0 {
			err = &quotaError{max(0, g.most)}
		}
	}
	if err != nil {
		g.release()
		return nil, err
	}
	return g, nil
}

// left asks the host.
func (g *grant) left(ctx context.Context) (left int64, err error) {
	err = g.p.hook(ctx, "Quota", func(ctx context.Context) (err error) {
		if left, err = g.p.opts.Quota(ctx, g.tenant); err != nil {
			err = fmt.Errorf("%w: Quota: %w", errHook, err)
		}
		return err
	})
	return left, err
}

// release gives back what is counted.
func (g *grant) release() {
	g.p.grants.add(g.tenant, -g.held)
	g.held = 0
}

// bytes returns how many the upload may bring.
func (g *grant) bytes() int64 {
	if g == nil {
		return math.MaxInt64
	}
	return g.most
}

// brought counts bytes that nobody had announced.
func (g *grant) brought(n int64) {
	if g != nil && g.unknown && n > 0 {
		g.p.grants.add(g.tenant, n)
		g.held += n
	}
}

// confirm asks the host again when an upload that had announced nothing is there: others
// of the tenant may have been recorded while it came.
func (g *grant) confirm(ctx context.Context) error {
	if g == nil || !g.unknown {
		return nil
	}
	others := g.p.grants.add(g.tenant, 0) - g.held
	left, err := g.left(ctx)
	if err == nil && g.held > left-others {
		err = &quotaError{max(0, left-others)}
	}
	return err
}

// quotaError says how many bytes the tenant may still upload. It matches ErrQuota.
type quotaError struct{ left int64 }

func (e *quotaError) Error() string        { return fmt.Sprintf("%v: %d bytes are left", ErrQuota, e.left) }
func (e *quotaError) Is(target error) bool { return target == ErrQuota }
