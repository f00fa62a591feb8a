-- What a user is, beyond a person; empty for most. Older versions don't write it.
ALTER TABLE mfa_user ADD COLUMN kind TEXT NOT NULL DEFAULT '';
