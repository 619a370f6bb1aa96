"""."""
from flask import Blueprint

pages = Blueprint("trust", __name__)
