"""Do descriptor values made elsewhere say the same as ours? Arrays in, frozen values out."""
