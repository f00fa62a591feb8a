-- What a consent must be given with to satisfy the policy that refused its refresh token last.
ALTER TABLE mfa_consent ADD COLUMN challenge TEXT NOT NULL DEFAULT '';
