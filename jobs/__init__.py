"""What a person starts. One module a job, thin: config -> plan -> run -> summary."""
