package upload

import (
	"context"
	"errors"
	"fmt"
)

// admit checks what is known of an upload before its bytes, asks the host, and reserves
// its id, a place in the backlog and a part of the tenant's quota until free is called.
// The NewAsset that it returns bounds what receive takes.
func (p *Pipeline) admit(ctx context.Context, n NewAsset) (_ NewAsset, free func(), err error) {
	id := n.ID
	if n, err = p.presentable(n); err != nil {
		return n, nil, err
	}
	unreserve, err := p.reserved.take(n.ID, p.queue.len(), p.opts.Backlog)
	if err != nil {
		return n, nil, err
	}
	if id != "" { // a new id cannot be there
		_, _, err := p.catalog.Get(ctx, id)
		if err == nil {
			err = ErrExist
		} else if errors.Is(err, ErrNotFound) {
			err = nil
			if begun, look := p.inSession(ctx, n.ID); look != nil {
				err = look
			} else if begun {
				err = ErrExist
			}
		}
		if err != nil {
			unreserve()
			return n, nil, err
		}
	}
	return p.ask(ctx, n, unreserve)
}

// presentable says what is wrong with n by itself, and returns it as it will be recorded.
func (p *Pipeline) presentable(n NewAsset) (NewAsset, error) {
	n, err := n.clean()
	if err != nil {
		return n, err
	}
	if err := p.knownProfile(n.Profile); err != nil {
		return n, err
	}
	if err := checkType(n.ContentType, p.opts.AllowTypes); err != nil {
		return n, err
	}
	if n.Size > p.opts.MaxSize {
		return n, fmt.Errorf("%w: it has %d bytes, at most %d are accepted", ErrTooLarge, n.Size, p.opts.MaxSize)
	}
	return n, nil
}

// ask asks the host's hooks, when nothing else speaks against the upload: they may count
// what they let in. free gives back what they have granted, and then calls unreserve; where
// they refuse, ask does.
func (p *Pipeline) ask(ctx context.Context, n NewAsset, unreserve func()) (_ NewAsset, free func(), err error) {
	g, release, err := p.grant(ctx, n.Tenant, n.Size)
	if err != nil {
		unreserve()
		return n, nil, err
	}
	n.grant, free = g, func() { release(); unreserve() }
	if p.opts.Admit == nil {
		return n, free, nil
	}
	err = p.hook(ctx, "Admit", func(ctx context.Context) error {
		if err := p.opts.Admit(ctx, n.public()); err != nil {
			return &vetoError{err}
		}
		return nil
	})
	if err != nil {
		free()
		return n, nil, err
	}
	return n, free, nil
}
